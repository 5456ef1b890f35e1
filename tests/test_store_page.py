"""The lines of docs/reference/store.md that read a store with Zarr alone."""

import re
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from pipelines.cost.build import draw
from stc_pseudo.cli import main
from stc_pseudo.store.reader import StoreReader

PAGE = Path(__file__).parents[1] / "docs/reference/store.md"


def test_five_lines_of_zarr_read_a_store(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len([line for line in code.splitlines() if line]) == 5
    draw(tmp_path / "data", 2)
    training = tmp_path / "data/training"
    arguments = ["build", "--dataset", "kitti", "--root", tmp_path / "data", "--out", tmp_path / "store"]
    arguments += ["--depth", "precomputed", "--depth-dir", training / "depth", "--detail", 4]
    arguments += ["--flow", "precomputed", "--flow-dir", training / "flow"]
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    names = {"STORE": tmp_path / "store", "SEQUENCE": "0000"}
    exec(code, names)
    reader = StoreReader(str(tmp_path / "store")).sequence("0000")
    np.testing.assert_array_equal(names["depth"], reader.read("inverse_depth", 0))
    np.testing.assert_array_equal(names["objects"], reader.read("objects", 0))
    assert names["objects"].any()
    assert names["frame"] == str(reader.frame_path(0))
