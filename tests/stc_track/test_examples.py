"""The examples in the docstrings say what happens."""

import doctest
import importlib

import pytest

NAMES = ["tracker", "matching", "disjoint", "convert", "commands.tables"]
NAMES += [f"formats.{name}" for name in ("rle", "errors", "files", "outline", "track_names", "mot_boxes")]


@pytest.mark.parametrize("name", NAMES)
def test_examples(name):
    found = doctest.testmod(importlib.import_module(f"stc_track.{name}"))
    assert found.attempted
    assert not found.failed
