"""The packages' public names, and the README's example of them."""

from __future__ import annotations

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
NAMES = {
    "stc_track": ["ClassTrackers", "Detections", "Tracker", "TrackerSettings", "Tracks", "link"],
    "stc_pseudo": ["LabelSettings", "StoreReader", "StoreWriter", "build"],
    "stc_train": ["PuzzleLoss", "predict"],
}
CHEAP = """
import sys
import stc_track, stc_pseudo, stc_train
heavy = {"numpy", "torch", "mmdet", "zarr", "cv2"} & set(sys.modules)
sys.exit(f"imported: {sorted(heavy)}" if heavy else 0)
"""
TRACKER = """
import sys
from stc_track import Detections, Tracker, TrackerSettings, Tracks, link
sys.exit("torch" in sys.modules)
"""
AFTER_SUBMODULES = """
import stc_pseudo.building.build_store, stc_pseudo.commands.build
from stc_pseudo import build
assert callable(build), build
"""


@pytest.mark.parametrize("package", NAMES)
def test_public_names_are_there(package: str) -> None:
    module = importlib.import_module(package)
    assert sorted(module.__all__) == sorted(NAMES[package])
    for name in NAMES[package]:
        assert getattr(module, name).__name__ == name


@pytest.mark.parametrize("package", NAMES)
def test_other_names_are_not(package: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        _ = importlib.import_module(package).nothing


@pytest.mark.parametrize(
    "code",
    [CHEAP, TRACKER, AFTER_SUBMODULES],
    ids=["packages cost nothing", "no torch to track", "build is a function"],
)
def test_imports_in_a_new_process(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_readmes_examples_run() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.M | re.S)
    tests = [doctest.DocTestParser().get_doctest(text, {}, "README", str(README), 0) for text in blocks]
    assert sum(len(test.examples) for test in tests) >= 5
    for test in tests:
        assert doctest.DocTestRunner().run(test).failed == 0
