from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cost.build import draw
from stc_pseudo.cli import main


@pytest.fixture(scope="session", autouse=True)
def _plain_configs(plain_configs):
    """Trainings here write plain configs."""


@pytest.fixture(scope="session")
def drawn_root(tmp_path_factory) -> Path:
    """A data set in KITTI MOTS's layout: two frames of three ellipses, exact depth and flow beside them."""
    root = tmp_path_factory.mktemp("drawn")
    draw(root, 2)
    return root


@pytest.fixture(scope="session")
def drawn_store(drawn_root, tmp_path_factory) -> tuple[Path, Path]:
    """The drawn data set, and a store of it."""
    store, training = tmp_path_factory.mktemp("store") / "store", drawn_root / "training"
    done = CliRunner().invoke(
        main,
        [
            "build",
            "--dataset",
            "kitti",
            "--root",
            str(drawn_root),
            "--out",
            str(store),
            "--depth",
            "precomputed",
            "--depth-dir",
            str(training / "depth"),
            "--flow",
            "precomputed",
            "--flow-dir",
            str(training / "flow"),
        ],
    )
    assert done.exit_code == 0, done.output
    return drawn_root, store
