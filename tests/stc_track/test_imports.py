"""The tracker's package stands alone, and its commands' help comes at once."""

import subprocess
import sys

import pytest

ALL = """
import importlib, pkgutil, sys
import stc_track
for module in pkgutil.walk_packages(stc_track.__path__, "stc_track."):
    importlib.import_module(module.name)
foreign = {"torch", "cv2", "av", "zarr", "trackeval", "stc_pseudo", "stc_train", "pipelines"} & set(sys.modules)
sys.exit(f"imported: {sorted(foreign)}" if foreign else 0)
"""
HELP = """
import sys
from stc_track.commands.{command} import main
heavy = {{"numpy", "scipy", "PIL", "pycocotools", "tqdm"}} & set(sys.modules)
sys.exit(f"imported: {{sorted(heavy)}}" if heavy else main(["--help"]))
"""


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_nothing_foreign_is_imported():
    done = run(ALL)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["track", "convert", "video", "evaluate"])
def test_help_imports_nothing_heavy(command):
    done = run(HELP.format(command=command))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage:")
