"""What each mechanism is worth: which detections use it, and the table."""

import numpy as np
import pytest

from pipelines.tracking import mechanisms
from pipelines.tracking.box_metrics import BoxVideo
from pipelines.tracking.metrics import Video
from pipelines.tracking.noisy_detections import perfect
from stc_track.formats.mots import MotsObject
from stc_track.masks import rle

pytest.importorskip("trackeval")
HEIGHT, WIDTH, FRAMES = 60, 160, 12


@pytest.fixture
def box_video():
    """Two people that walk towards each other; one is missed for a frame."""
    truth, detections = {}, {}
    for frame in range(1, FRAMES + 1):
        boxes = np.array([[10.0 + 3 * frame, 10, 22 + 3 * frame, 40], [110.0 - 3 * frame, 12, 122 - 3 * frame, 44]])
        truth[frame] = boxes, np.array([1, 2]), np.ones(2, int), np.ones(2, bool)
        kept = boxes[:1] if frame == 5 else boxes
        detections[frame] = kept, np.full(len(kept), 0.9)
    return BoxVideo("one", range(1, FRAMES + 1), (HEIGHT, WIDTH), 30.0, detections, truth)


@pytest.fixture
def mask_videos():
    """A car that drives, missed for a frame, above one that stands."""
    frames = {}
    for frame in range(FRAMES):
        masks = np.zeros((2, HEIGHT, WIDTH), bool)
        masks[0, 10:30, 5 + 5 * frame : 35 + 5 * frame] = True
        masks[1, 40:55, 60:90] = True
        frames[frame] = [
            MotsObject(frame, 1001 + k, 1, HEIGHT, WIDTH, rle.encode(mask)) for k, mask in enumerate(masks)
        ]
    return {
        "0000": Video(
            [detection for detection in perfect(frames) if detection.frame != 6 or detection.box[1] == 40], frames
        )
    }


@pytest.mark.parametrize("mechanism", mechanisms.MECHANISMS, ids=lambda mechanism: mechanism.name)
def test_what_does_not_use_a_mechanism_is_the_same_without_it(mechanism, box_video, mask_videos):
    default, without = mechanisms.DEFAULT, mechanisms.DEFAULT.changed(**mechanism.changes)
    assert mechanism.name == "default" or without != default
    if mechanisms.BOXES not in mechanism.used_by:
        assert mechanisms.box_cells([box_video], without) == mechanisms.box_cells([box_video], default)
    if mechanisms.MASKS not in mechanism.used_by:
        assert mechanisms.mask_cells(mask_videos, without) == mechanisms.mask_cells(mask_videos, default)


def test_output_of_missing_tracks_is_worth_something(box_video, mask_videos):
    without = mechanisms.DEFAULT.changed(predict_missing=0, predict_missing_masks=0)
    for cells, videos in ((mechanisms.box_cells, [box_video]), (mechanisms.mask_cells, mask_videos)):
        assert float(cells(videos, without).split()[0]) < float(cells(videos, mechanisms.DEFAULT).split()[0])
