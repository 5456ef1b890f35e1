import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stc_pseudo.datasets.flow_maps import read_flo, read_kitti_flow, read_npy_flow, write_flo, write_kitti_flow
from stc_track.io.errors import InputError

REAL = Path(os.environ.get("STC_REAL_DATA", Path(__file__).parents[4] / "shared" / "real"))
SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, max_side=9).map(lambda shape: (2, *shape))


def flows(limit):
    return hnp.arrays(
        np.float32,
        SHAPES,
        elements=st.one_of(st.just(np.nan), st.floats(-limit, limit, width=32, allow_subnormal=False)),
    )


@settings(max_examples=50, deadline=None)
@given(flow=flows(600))
def test_kitti_png_round_trip(tmp_path_factory, flow):
    path = tmp_path_factory.mktemp("flow") / "000000.png"
    write_kitti_flow(path, flow)
    found = read_kitti_flow(path)
    known = ((flow >= -512 - 1 / 128) & (flow < 512 - 1 / 128)).all(0)
    assert found.dtype == np.float32
    assert np.isnan(found[:, ~known]).all()
    np.testing.assert_allclose(found[:, known], flow[:, known], atol=1 / 128)
    write_kitti_flow(path, found)
    np.testing.assert_array_equal(read_kitti_flow(path), found)
    assert list(path.parent.iterdir()) == [path]


@settings(max_examples=50, deadline=None)
@given(flow=flows(1e6))
def test_flo_round_trip(tmp_path_factory, flow):
    path = tmp_path_factory.mktemp("flow") / "000000.flo"
    write_flo(path, flow)
    expected = np.where(np.isnan(flow).any(0), np.nan, flow)
    np.testing.assert_array_equal(read_flo(path), expected)


def test_kitti_png_is_kitti_s_encoding(tmp_path):
    """Red dx, green dy, 64 * flow + 2^15; blue valid. OpenCV's order is blue, green, red."""
    picture = np.array([[[1, 2**15 - 128, 2**15 + 64], [0, 5, 5]]], np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    np.testing.assert_array_equal(read_kitti_flow(tmp_path / "a.png"), [[[1, np.nan]], [[-2, np.nan]]])
    write_kitti_flow(tmp_path / "b.png", np.array([[[1, np.nan]], [[-2, 0]]]))
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "b.png"), cv2.IMREAD_UNCHANGED), [[picture[0, 0], [0] * 3]])


def test_flo_is_opencv_s(tmp_path):
    flow = np.random.default_rng(0).normal(size=(2, 4, 7)).astype(np.float32)
    cv2.writeOpticalFlow(str(tmp_path / "a.flo"), flow.transpose(1, 2, 0))
    np.testing.assert_array_equal(read_flo(tmp_path / "a.flo"), flow)
    write_flo(tmp_path / "b.flo", flow)
    assert (tmp_path / "b.flo").read_bytes() == (tmp_path / "a.flo").read_bytes()


def test_npy_keeps_what_is_finite(tmp_path):
    flow = np.zeros((2, 2, 2))
    flow[0, 0, 0], flow[1, 1, 1] = np.inf, 3
    np.save(tmp_path / "a.npy", flow)
    found = read_npy_flow(tmp_path / "a.npy")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[[np.nan, 0], [0, 0]], [[np.nan, 0], [0, 3]]])


def png(dtype, *shape):
    return cv2.imencode(".png", np.zeros(shape, dtype))[1].tobytes()


def flo(width, height, vectors):
    return (
        np.float32(202021.25).tobytes()
        + np.array([width, height], np.int32).tobytes()
        + np.zeros(2 * vectors, np.float32).tobytes()
    )


def npy(folder, array):
    np.save(folder / "made.npy", array)
    return (folder / "made.npy").read_bytes()


@pytest.mark.parametrize(
    ("read", "content", "told"),
    [
        (read_kitti_flow, None, "found nothing"),
        (read_kitti_flow, b"", "0 bytes that do not decode"),
        (read_kitti_flow, png(np.uint16, 40, 50, 3)[:60], "60 bytes that do not decode"),
        (read_kitti_flow, png(np.uint8, 4, 5, 3), "three channels of uint16, found 3 of uint8"),
        (read_kitti_flow, png(np.uint16, 4, 5), "three channels of uint16, found 1 of uint16"),
        (read_flo, None, "found nothing"),
        (read_flo, b"PIEH", "another kind of file"),
        (read_flo, flo(3, 2, 5), "3x2 flow vectors of 8 bytes, found 40 bytes"),
        (read_flo, flo(-1, -1, 1), "-1x-1 flow vectors"),
        (read_npy_flow, None, "found nothing"),
        (read_npy_flow, b"not numpy", "found .*pickle"),
        (read_npy_flow, np.zeros((4, 5, 2)), r"\(2, height, width\), found float64 of shape \(4, 5, 2\)"),
        (read_npy_flow, np.zeros((2, 4, 5), int), "found int64"),
    ],
    ids=lambda value: getattr(value, "__name__", value if isinstance(value, str) else "content"),
)
def test_bad_file_is_named(tmp_path, read, content, told):
    path = tmp_path / "map"
    if content is not None:
        path.write_bytes(npy(tmp_path, content) if isinstance(content, np.ndarray) else content)
    with pytest.raises(InputError, match=told) as error:
        read(path)
    assert str(path) in error.value.message


@pytest.mark.real
def test_real_kitti_flow():
    path = REAL / "kitti2012_flow" / "flow_occ" / "000045_10.png"
    if not path.is_file():
        pytest.skip(f"no real data at {REAL} (STC_REAL_DATA names it)")
    flow = read_kitti_flow(path)
    assert 0.1 < np.isfinite(flow).all(0).mean() < 0.7  # LiDAR truth is sparse
    assert np.nanmax(np.abs(flow)) < 250
