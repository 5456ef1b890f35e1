import cv2
import numpy as np
from click.testing import CliRunner

from pipelines.accuracy.flow import main, seen_in_both
from stc_pseudo.datasets.flow_maps import write_kitti_flow


def test_seen_is_what_stays_in_the_frame_and_is_not_covered():
    """A near object at x = 4..6 moves right by 4 over a still background: it covers x = 8..10, and a pixel about it."""
    truth, depth = np.zeros((2, 5, 16), np.float32), np.full((5, 16), 20.0, np.float32)
    truth[0, :, 4:7], depth[:, 4:7] = 4, 5
    truth[0, :, 0] = -1
    truth[:, :, 15] = np.nan
    seen = seen_in_both(truth, depth)[2]
    assert "".join("X" if value else "." for value in seen) == ".XXXXXX.....XXX."
    assert "".join("X" if value else "." for value in seen_in_both(truth, None)[2]) == ".XXXXXXXXXXXXXX."


def test_command_measures_dis_on_a_pair(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (100, 160), np.uint8)
    scene = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)
    for folder in ("image_0", "flow_occ"):
        (tmp_path / folder).mkdir()
    cv2.imwrite(str(tmp_path / "image_0" / "000001_10.png"), scene[10:90, 10:150])
    cv2.imwrite(str(tmp_path / "image_0" / "000001_11.png"), scene[10:90, 6:146])
    truth = np.full((2, 80, 140), np.nan, np.float32)
    truth[0, 10:-10, 10:-10], truth[1, 10:-10, 10:-10] = 4, 0
    write_kitti_flow(tmp_path / "flow_occ" / "000001_10.png", truth)
    result = CliRunner().invoke(main, ["--flow-pair", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "OpenCV's DIS: all pixels EPE 0.0" in result.output
