"""`--depth auto` and `--flow auto` take what is at hand, the best first."""

from pathlib import Path

import pytest

from stc_pseudo.building.sources import choose_depth, choose_flow
from stc_pseudo.datasets.base import Calibration, VideoSequence

STEREO = Calibration(700.0, 700.0, 48.0, 32.0, baseline=0.5)
ONE = Calibration(700.0, 700.0, 48.0, 32.0)


def video(name="0000", right=True, calibration=STEREO):
    frames = tuple(Path(f"{t:06d}.png") for t in range(3))
    return VideoSequence(name, (64, 96), frames, (0, 1, 2), frames if right else (), calibration)


def with_maps(root, kind, *names):
    for name in names:
        (root / "training" / kind / name).mkdir(parents=True)
    return root


@pytest.mark.parametrize(
    ("videos", "given", "maps", "expected"),
    [
        pytest.param([video()], {"folder": Path("d")}, (), "precomputed", id="maps that are named"),
        pytest.param([video()], {"weights": Path("w")}, ("0000",), "monodepth2", id="weights before the layout's maps"),
        pytest.param([video()], {}, ("0000",), "precomputed", id="the layout's maps before stereo"),
        pytest.param([video(), video("0001")], {}, ("0000",), "sgbm", id="maps of one video of two"),
        pytest.param([video()], {}, (), "sgbm", id="stereo"),
        pytest.param([video(), video("0001", right=False)], {}, (), None, id="stereo of one video of two"),
        pytest.param([video(calibration=ONE)], {}, (), None, id="no baseline"),
        pytest.param([video(calibration=None)], {}, (), None, id="no calibration"),
    ],
)
def test_depth(tmp_path, videos, given, maps, expected):
    source = choose_depth(
        videos, **{"weights": None, "folder": None} | given, layout=with_maps(tmp_path, "depth", *maps)
    )
    assert (source and source.name) == expected


@pytest.mark.parametrize(
    ("given", "maps", "expected"),
    [
        pytest.param({"folder": Path("d")}, (), "precomputed", id="maps that are named"),
        pytest.param({"weights": Path("w")}, ("0000",), "upflow", id="weights before the layout's maps"),
        pytest.param({}, ("0000",), "precomputed", id="the layout's maps"),
        pytest.param({}, (), "dis", id="nothing"),
    ],
)
def test_flow(tmp_path, given, maps, expected):
    given = {"weights": None, "folder": None} | given
    assert choose_flow([video()], **given, layout=with_maps(tmp_path, "flow", *maps)).name == expected


def test_video_outside_a_data_set_has_no_layout():
    assert choose_flow([video()], weights=None, folder=None, layout=None).name == "dis"
