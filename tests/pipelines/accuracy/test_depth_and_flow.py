import cv2
import numpy as np
import pytest

from pipelines.accuracy.depth_and_flow import BASELINE, FOCAL, depth_rows, stereo_frames
from pipelines.accuracy.moving_object_depth import hole_share
from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.depth.training.trainer import DepthTraining, train_depth
from stc_pseudo.training.settings import training_settings
from stc_track.formats.mots import MotsObject, write_mots
from stc_track.io.errors import InputError
from stc_track.masks import rle

SIZE = (64, 160)
DISPARITY = 8


@pytest.fixture
def pair(tmp_path):
    """A wall seen by both cameras, eight pixels of disparity away, in KITTI 2015's layout."""
    noise = np.random.default_rng(0).integers(0, 256, (32, 100, 3), np.uint8)
    wall = cv2.resize(noise, (200, SIZE[0]), interpolation=cv2.INTER_CUBIC)
    for folder, start in (("image_02", 0), ("image_03", DISPARITY)):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "000002.png"), wall[:, start : start + SIZE[1]])
    disparity = np.full(SIZE, DISPARITY * 256, np.uint16)
    disparity[:10] = 0
    (tmp_path / "disp_occ_0").mkdir()
    cv2.imwrite(str(tmp_path / "disp_occ_0" / "000002.png"), disparity)
    return tmp_path


def test_disparity_becomes_depth(pair):
    ((video, index, truth),) = stereo_frames(pair)
    assert (video.size, index) == (SIZE, 0)
    assert np.isnan(truth[:10]).all()
    np.testing.assert_allclose(truth[10:], FOCAL * BASELINE / DISPARITY, rtol=1e-6)
    (pair / "disp_occ_0" / "000002.png").unlink()
    with pytest.raises(InputError, match=r"000002\.png.*disparity"):
        list(stereo_frames(pair))


def test_stereo_matching_is_measured_beside_the_network(pair):
    frames = list(stereo_frames(pair))
    settings = training_settings(
        DepthTraining, mode="stereo", height=64, width=96, channel_width=0.125, batch_size=1, steps=1
    )
    train_depth([frames[0][0]], settings, pair / "depth.pth")
    network, matching = depth_rows(frames, pair / "depth.pth", fill_artefacts=True)
    assert network.startswith("monodepth2  1 frames: AbsRel")
    assert network.endswith("100% of the true pixels")
    assert float(matching.split("AbsRel ")[1].split()[0]) < 0.05


def test_holes_are_soft_and_inside_cars_alone(tmp_path):
    car, walker = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
    car[20:50, 20:60], walker[10:60, 100:130] = True, True
    write_mots(
        tmp_path / "0000.txt",
        [MotsObject(0, 1001, 1, *SIZE, rle.encode(car)), MotsObject(0, 2001, 2, *SIZE, rle.encode(walker))],
    )
    share = hole_share(tmp_path, VideoSequence("0000", SIZE, (), (0,)), 0)
    assert share[35, 40] == pytest.approx(1, abs=1e-3)
    assert share[:, 90:].max() == 0
    assert 0 < share[35, 20] < 0.5
