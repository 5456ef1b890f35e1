"""The fuzzing command: cases that repeat, failures that are told."""

import io
import random

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from pipelines.checks import fuzz_formats
from pipelines.checks.corruptions import corrupt
from pipelines.checks.fuzz_formats import TARGETS, Target, main, run_case


@pytest.mark.parametrize("number", range(len(TARGETS)), ids=[target.name for target in TARGETS])
def test_a_case_of_each_target(number):
    first = run_case(1, number)
    assert first == run_case(1, number)
    assert first[0] == TARGETS[number].name


PICTURE = io.BytesIO()
Image.fromarray(np.full((5, 6), 1001, np.uint16)).save(PICTURE, format="PNG")
CONTENTS = {"text": b"1 2 3\n4 5 6\n", "json": b'[{"a": 1, "b": [2, 3], "c": {"d": null}}]', "png": PICTURE.getvalue()}


@pytest.mark.parametrize("kind", CONTENTS)
def test_corruptions_are_seeded(kind):
    content = CONTENTS[kind]
    changed = [corrupt(content, random.Random(seed)) for seed in range(60)]
    assert len(set(changed)) > 30
    assert changed == [corrupt(content, random.Random(seed)) for seed in range(60)]


@pytest.mark.parametrize("fault", [ZeroDivisionError, MemoryError, SystemExit], ids=["error", "memory", "exit"])
def test_a_crash_is_told(monkeypatch, fault):
    @click.command()
    def crashing():
        raise fault

    def files(folder):
        (folder / "file").write_text("x")
        return [folder / "file"]

    monkeypatch.setattr(fuzz_formats, "TARGETS", [Target("crashing", files, lambda folder: [], crashing)])
    done = CliRunner().invoke(main, ["--minutes", "0.05"])
    assert done.exit_code == 1
    assert "case 0 of seed 0 failed" in done.output
    assert fault.__name__ in done.output


def test_a_short_run():
    done = CliRunner().invoke(main, ["--minutes", "0.05", "--seed", "7"])
    assert done.exit_code == 0, done.output
    assert "cases of seed 7" in done.output


@pytest.mark.slow
def test_five_minutes():
    done = CliRunner().invoke(main, ["--minutes", "5", "--seed", "1"])
    assert done.exit_code == 0, done.output
