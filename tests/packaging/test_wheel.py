"""A built wheel holds what its commands need: the demo's weights, the configs, nothing from beside the packages."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_demos_weights_lie_in_the_package():
    import stc_pseudo
    from stc_pseudo import shipped

    assert shipped.DEPTH.parent.parent == Path(stc_pseudo.__file__).parent
    assert shipped.DEPTH.is_file()
    assert shipped.FLOW.is_file()


DEMO = """
import sys
import stc_pseudo.cli
from stc_pseudo.synthetic.write import render_dataset
print(stc_pseudo.cli.__file__, flush=True)
render_dataset("demo", sequences=1, frames=2, size=(96, 320), progress=False)
sys.argv[1:] = ["build", "--dataset", "demo", "--root", "demo", "--out", "store"]
stc_pseudo.cli.main()
"""


@pytest.mark.slow
def test_the_demo_is_built_by_an_installed_wheel(tmp_path):
    """From another folder, of a tree that holds the wheel's content alone."""
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", tmp_path, ROOT], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
        content.extractall(tmp_path / "site")
    shipped = ("stc_pseudo/shipped/demo_monodepth2.pth", "stc_pseudo/shipped/demo_upflow.pth")
    assert {*shipped, "stc_train/shipped/demo_condinst.pth"} <= set(names)
    assert "stc_train/configs/condinst_r50_kitti.py" in names
    assert not [name for name in names if name.startswith(("pipelines", "tests", "data"))]
    (tmp_path / "work").mkdir()
    result = subprocess.run(
        [sys.executable, "-c", DEMO],
        cwd=tmp_path / "work",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert str(tmp_path / "site") in result.stdout
    assert result.returncode == 0, result.stderr[-2000:]
    assert (tmp_path / "work" / "store" / "0000" / "record.json").is_file()
