from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stc_pseudo.datasets.base import Calibration, VideoSequence
from stc_pseudo.datasets.depth_maps import read_depth
from stc_pseudo.depth import make_depth_estimator
from stc_pseudo.depth.precomputed import PrecomputedDepth
from stc_pseudo.depth.sgbm import SgbmDepth, match_stereo
from stc_track.io.errors import InputError

SIZE = (3, 4)
FRAMES = np.zeros((2, *SIZE, 3), np.uint8)
SEQUENCE = VideoSequence("0007", SIZE, (Path("000000.png"), Path("000001.png")), (0, 1))


def folder_with(root, first, second):
    """A depth folder of two frames; arrays of uint16 become PNG, floating-point ones .npy."""
    target = root / "0007"
    target.mkdir()
    for stem, depth in (("000000", first), ("000001", second)):
        if depth.dtype.kind == "f":
            np.save(target / f"{stem}.npy", depth)
        else:
            cv2.imwrite(str(target / f"{stem}.png"), depth)
    return root


def metres(value, dtype=np.float32):
    return np.full(SIZE, value, dtype)


def test_png_and_npy_encodings(tmp_path):
    stored, exact = np.full(SIZE, 512, np.uint16), metres(4)
    stored[0, 0], exact[0, 0], exact[0, 1] = 0, np.nan, np.inf
    estimator = make_depth_estimator(
        "precomputed", weights=None, folder=folder_with(tmp_path, stored, exact), device="cpu"
    )
    inverse = estimator.inverse_depth(SEQUENCE, 0, FRAMES)
    assert inverse.dtype == np.float32
    assert np.isnan(inverse[:, 0, 0]).all()
    assert inverse[1, 0, 1] == 0
    assert (inverse[0, 1:] == 0.5).all()
    assert (inverse[1, 1:] == 0.25).all()
    np.testing.assert_array_equal(estimator.inverse_depth(SEQUENCE, 1, FRAMES[:1]), inverse[1:])


@given(arrays(np.uint16, SIZE, elements=st.integers(0, 65535)).filter(np.any))
def test_png_round_trip(tmp_path_factory, stored):
    path = tmp_path_factory.getbasetemp() / "map.png"
    cv2.imwrite(str(path), stored)
    np.testing.assert_array_equal(np.nan_to_num(read_depth(path)) * 256, stored)


@pytest.mark.parametrize(
    ("depth", "named"),
    [
        pytest.param(metres(2, np.uint8), "8 bits", id="eight bits"),
        pytest.param(np.zeros((*SIZE, 3), np.uint16), "3 of 16 bits", id="colour"),
        pytest.param(metres(0, np.uint16), "depth somewhere", id="nothing measured"),
        pytest.param(metres(np.nan), "depth somewhere", id="all NaN"),
        pytest.param(metres(-1), "positive", id="negative"),
        pytest.param(metres(0.0), "positive", id="zero in metres"),
        pytest.param(metres(1)[:2], "4x3 pixels, found 4x2", id="other size"),
        pytest.param(metres(1)[None], "height, width", id="three axes"),
    ],
)
def test_maps_that_are_refused(tmp_path, depth, named):
    estimator = PrecomputedDepth(folder_with(tmp_path, metres(1), depth))
    with pytest.raises(InputError, match=named) as error:
        estimator.inverse_depth(SEQUENCE, 0, FRAMES)
    assert "000001" in error.value.message
    assert "`depth_dir=`" in error.value.message


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        pytest.param(".png", b"", id="empty PNG"),
        pytest.param(".png", b"\x89PNG cut short", id="truncated PNG"),
        pytest.param(".npy", b"", id="empty npy"),
        pytest.param(".npy", b"not numpy", id="other bytes"),
    ],
)
def test_files_that_do_not_decode(tmp_path, suffix, content):
    path = tmp_path / f"map{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match="map"):
        read_depth(path)


def test_missing_map_names_file_and_flag(tmp_path):
    folder = folder_with(tmp_path, metres(1), metres(1))
    (folder / "0007" / "000001.npy").unlink()
    with pytest.raises(InputError, match=r"0007/000001\.png.*`depth_dir=`"):
        PrecomputedDepth(folder).inverse_depth(SEQUENCE, 0, FRAMES)
    with pytest.raises(InputError, match="`depth_dir=`"):
        PrecomputedDepth(tmp_path / "none")


def test_fingerprint_follows_the_maps_and_not_their_place(tmp_path):
    makers = {"here": metres(1), "there": metres(1), "other": metres(2)}
    prints, sequence = {}, VideoSequence("0007", (1, 1), (), ())
    for name, second in makers.items():
        (tmp_path / name).mkdir()
        prints[name] = PrecomputedDepth(folder_with(tmp_path / name, metres(1), second)).fingerprint(sequence)
    assert prints["here"] == prints["there"] != prints["other"]


def stereo_pair(disparity, size=(64, 192)):
    height, width = size
    wall = np.random.default_rng(0).integers(0, 256, (height // 2, width, 3), np.uint8)
    wall = cv2.resize(wall, (2 * width, height), interpolation=cv2.INTER_LINEAR)
    return wall[:, :width], wall[:, disparity : width + disparity]


def test_stereo_matching_finds_the_shift():
    disparity = match_stereo(*stereo_pair(12))
    known = disparity[:, 16:]
    assert np.isfinite(known).mean() > 0.9
    assert np.nanmax(np.abs(known - 12)) < 0.5
    assert np.isnan(disparity[:, :8]).all(), "the right camera does not see the left border"


def test_sgbm_gives_metres(tmp_path):
    left, right = stereo_pair(12)
    cv2.imwrite(str(tmp_path / "000001.png"), right[..., ::-1])
    camera = Calibration(120.0, 120.0, 96.0, 32.0, baseline=0.5)
    sequence = VideoSequence(
        "0000",
        left.shape[:2],
        (Path("0.png"), Path("1.png")),
        (0, 1),
        (tmp_path / "absent.png", tmp_path / "000001.png"),
        camera,
    )
    (inverse,) = SgbmDepth().inverse_depth(sequence, 1, left[None])
    assert inverse.dtype == np.float32
    assert abs(np.nanmedian(1 / inverse) - 120 * 0.5 / 12) < 0.05


@pytest.mark.parametrize(
    ("right", "camera", "named"),
    [
        pytest.param((), Calibration(9, 9, 9, 9, 0.5), "right frames", id="no right frames"),
        pytest.param((Path("r.png"),), None, "baseline", id="no camera"),
        pytest.param((Path("r.png"),), Calibration(9, 9, 9, 9), "baseline", id="no baseline"),
    ],
)
def test_sgbm_says_what_it_lacks(right, camera, named):
    sequence = VideoSequence("0000", SIZE, (Path("l.png"),), (0,), right, camera)
    with pytest.raises(InputError, match=f"{named}.*`depth=sgbm`"):
        SgbmDepth().inverse_depth(sequence, 0, FRAMES[:1])
