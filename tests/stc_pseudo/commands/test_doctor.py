"""`stc-pseudo doctor` names what is missing and the command that mends it."""

from importlib import metadata

import pytest
from click.testing import CliRunner

from stc_pseudo.cli import main
from stc_pseudo.commands import doctor

REQUIRES = [
    "numpy",
    'torch>=2; extra == "pseudo"',
    'dask[distributed]; extra == "pseudo"',
    "onedl-mmcv ; extra == 'train'",
    'stc-seg[video]; extra == "pseudo"',
    'pytest; extra == "dev"',
]


def run():
    return CliRunner().invoke(main, ["doctor"])


def test_everything_here_is_well():
    result = run()
    assert result.exit_code == 0, result.output
    assert f"torch {metadata.version('torch')}" in result.output
    assert "mmcv's operators" in result.output


def test_requirements_are_read_by_extra(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda name: REQUIRES)
    found = doctor.requirements()
    assert found[""] == ["numpy"]
    assert found["pseudo"] == ["torch", "dask"]
    assert found["train"] == ["onedl-mmcv"]


@pytest.mark.parametrize(
    ("package", "code", "remedy"),
    [
        pytest.param("numpy", 1, "pip install 'stc-seg[]'", id="the core"),
        pytest.param("onedl-mmcv", 0, "pip install 'stc-seg[train]'", id="an extra"),
    ],
)
def test_a_missing_package_comes_with_its_remedy(monkeypatch, package, code, remedy):
    monkeypatch.setattr(metadata, "requires", lambda name: REQUIRES)
    present = {"numpy", "torch", "dask", "onedl-mmcv"} - {package}
    monkeypatch.setattr(doctor, "_version", lambda name: "1.0" if name in present else None)
    result = run()
    assert result.exit_code == code
    assert remedy.replace("[]", "") in result.output
    assert package in result.output
