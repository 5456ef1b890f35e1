"""Depth and flow at the corners, from arrays and from a store."""

import json

import numpy as np
import pytest

from stc_track.formats.store import CELL, SCHEMA, DamagedStoreError
from stc_track.io.errors import InputError
from stc_track.tracking.cues import CueReader, at_corners, discrepancy
from stc_track.tracking.ego_motion import background_motion, still_terms

SIZE = 24, 40


@pytest.fixture
def store(tmp_path, store_of):
    cells = np.arange(2 * 6 * 10).reshape(2, 6, 10).astype(np.float16)
    flow = np.stack((cells + np.float16(0.5), -cells), 1)
    store_of(tmp_path / "store", "0000", [3, 5], SIZE, inverse_depth=cells, flow=flow)
    return tmp_path / "store"


def test_reads_the_cells_of_both_corners(store):
    found = CueReader(store, "0000").at(5, np.array([[4.0, 8, 12, 16], [-5, -5, 99, 99]]), SIZE)
    # cells (row 2, column 1) and (row 3, column 2) of the second frame; then the map's own corners
    values = np.array([[60 + 21, 60 + 32], [60, 60 + 59]])
    np.testing.assert_allclose(found[:, :, 0], values / np.median(np.arange(60, 120)))
    np.testing.assert_array_equal(found[..., 1:], np.stack((values + 0.5, -values), -1))


@pytest.mark.parametrize(
    ("x2", "column"), [(8, 1), (8.5, 1), (9, 2)], ids=["on a cell's border", "half a pixel on", "next pixel"]
)
def test_the_lower_right_corner_is_exclusive(x2, column):
    maps = np.arange(3.0)[None, None]
    assert at_corners(maps, np.array([[0.0, 0, x2, 4]]))[0, 1, 0] == column


@pytest.mark.parametrize(
    ("sequence", "frame", "size", "message"),
    [
        pytest.param("0001", 3, SIZE, "expected a sequence of a store, found nothing", id="missing sequence"),
        pytest.param("0000", 4, SIZE, "expected frame 4, found 2 others", id="missing frame"),
        pytest.param(
            "0000", 3, (24, 44), "expected frames of 24 x 44 as the detections', found 24 x 40", id="other size"
        ),
    ],
)
def test_a_store_of_something_else(store, sequence, frame, size, message):
    with pytest.raises(InputError, match=message):
        CueReader(store, sequence).at(frame, np.zeros((1, 4)), size)


def test_a_store_of_another_schema(store):
    (store / "manifest.json").write_text(json.dumps({"schema": SCHEMA + 1}))
    with pytest.raises(InputError, match=f"expected schema {SCHEMA}, found schema {SCHEMA + 1}.*update"):
        CueReader(store, "0000")


def test_a_store_without_flow(tmp_path, store_of):
    store = tmp_path / "store"
    store_of(store, "0000", [3], SIZE, inverse_depth=np.zeros((1, 6, 10), np.float16))
    with pytest.raises(InputError, match="expected arrays inverse_depth and flow, found no flow"):
        CueReader(store, "0000")


def test_a_damaged_store_is_refused(store):
    shard = store / "0000/v1/flow/c.0.0.0.0"
    content = bytearray(shard.read_bytes())
    content[5] ^= 4
    shard.write_bytes(content)
    with pytest.raises(DamagedStoreError, match=r"flow/c.0.0.0.0: expected content of CRC32C .*stc-pseudo verify"):
        CueReader(store, "0000").at(3, np.zeros((1, 4)), SIZE)
    shard.unlink()
    with pytest.raises(DamagedStoreError, match="expected what the record lists, found nothing"):
        CueReader(store, "0000").at(3, np.zeros((1, 4)), SIZE)


def test_discrepancy_by_hand():
    tracks = np.array([[[0.1, 3.0, 4.0], [0.0, 0.0, 0.0]]])
    detections = np.array([[[0.3, 0.0, 0.0], [0.5, 0.0, 10.0]]])
    depth, flow = discrepancy(tracks, detections, np.full(1, 20.0), "both")
    assert depth * 0.1 == pytest.approx((2 * 0.2 / 0.4 + 0) / 2)  # the second corner's depth is unknown
    assert flow * 0.03 == pytest.approx((5 / 20 + 10 / 20) / 2)
    assert discrepancy(tracks, detections, np.full(1, 20.0), "depth")[1] == 0
    assert discrepancy(tracks, detections, np.full(1, 20.0), "flow")[0] == 0


def test_background_motion_of_a_turning_and_moving_camera():
    """Flow that a camera gives is found exactly, although a third of the cells moves by itself."""
    random = np.random.default_rng(0)
    depth = random.uniform(0.02, 0.5, (48, 160))
    y, x = np.mgrid[:48, :160]
    points = (np.column_stack((x.ravel(), y.ravel())) + 0.5) * CELL
    motion = np.array([[0.01, 0, -5, 0.02, 0, -6], [0, 0.01, 1, 0, 0.02, -2]])
    flow = (still_terms(points, depth.ravel()) @ motion.T).T.reshape(2, 48, 160)
    flow[:, 20:40, 30:110] += 9
    np.testing.assert_allclose(background_motion(depth, flow), motion, atol=1e-6)
    assert background_motion(np.zeros((48, 160)), flow) is None


def test_camera_needs_the_frame_before(store):
    assert CueReader(store, "0000").camera(4, 5, SIZE) is None
    with pytest.raises(InputError, match="expected frame 4"):
        CueReader(store, "0000").camera(3, 4, SIZE)


def test_camera_motion_is_known_for_every_frame_between(tmp_path, store_of):
    """Frames that step by 5, of a scene of which each is a pan by 2 cells, and depth of a scale of its own."""
    depth = np.random.default_rng(0).uniform(1, 2, (1, 40, 48)) * np.array([1, 3, 0.5])[:, None, None]
    flow = np.zeros((3, 2, 40, 48), np.float16)
    flow[:, 0] = 8
    store_of(tmp_path / "store", "0000", [0, 5, 10], (160, 192), inverse_depth=depth.astype(np.float16), flow=flow)
    motions = CueReader(tmp_path / "store", "0000").camera(0, 10, (160, 192))
    assert motions.shape == (2, 2, 6)
    point = np.array([40, 40, 1, 0, 0, 0.0])
    np.testing.assert_allclose(motions[:, :, :3] @ point[:3] + motions[:, :, 3:] @ point[:3], [[8, 0]] * 2, atol=0.05)


def test_inverse_depths_of_frames_of_different_scale_agree(tmp_path, store_of):
    depth = np.random.default_rng(0).uniform(1, 2, (1, 6, 10)) * np.array([1, 3])[:, None, None]
    flow = np.zeros((2, 2, 6, 10), np.float16)
    store_of(tmp_path / "store", "0000", [0, 1], SIZE, inverse_depth=depth.astype(np.float16), flow=flow)
    reader = CueReader(tmp_path / "store", "0000")
    one, other = (reader.at(frame, np.array([[4.0, 8, 12, 16]]), SIZE) for frame in (0, 1))
    np.testing.assert_allclose(one, other, rtol=2e-3)
