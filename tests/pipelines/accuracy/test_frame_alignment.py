"""Figures are measured against the truth of the same frames, and of their size, or not at all."""

import numpy as np
import pytest

from pipelines.accuracy import converted_boxes, mask_ap, predicted_masks
from pipelines.accuracy.flow import Pair
from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.evaluation.ground_truth import fitting_masks
from stc_pseudo.store.reader import StoreReader
from stc_track.formats.mots import Detection, DetectionWriter, MotsObject, read_mots, write_mots
from stc_track.io.errors import InputError
from stc_track.masks import rle

SIZE = HEIGHT, WIDTH = 40, 200
FRAMES = 24


def objects(late=0, wider=0):
    """A car to the right and one to the left, 4 pixels a frame, numbered `late` frames late."""
    for t in range(FRAMES):
        for k, left in enumerate((10 + 4 * t, 150 - 4 * t)):
            mask = np.zeros((HEIGHT, WIDTH + wider), bool)
            mask[4 + 16 * k : 16 + 16 * k, left : left + 30] = True
            yield MotsObject(t + late, 1001 + k, 1, *mask.shape, rle.encode(mask))


def write_detections(path, found):
    with DetectionWriter(path) as writer:
        for o in found:
            box = tuple(rle.tight_box(o.counts, o.height, o.width).tolist())
            writer.write(Detection(o.frame, box, 0.9, o.class_id, o.height, o.width, o.counts))


MEASURES = {
    "predicted_masks": (write_detections, lambda found, truth: predicted_masks.measure(found, truth, 0.3, 10)),
    "mask_ap": (write_detections, lambda found, truth: mask_ap.mask_ap(found, truth, ["0000"], 10)),
    "converted_boxes": (write_mots, lambda found, truth: converted_boxes.measure(found, truth, 10)),
}


@pytest.mark.parametrize(("write", "measure"), MEASURES.values(), ids=MEASURES)
def test_results_of_other_frames_or_another_size_are_refused(tmp_path, write, measure):
    write_mots(tmp_path / "truth" / "0000.txt", objects())
    for name, found in {"same": objects(), "late": objects(late=1), "wider": objects(wider=4)}.items():
        (tmp_path / name).mkdir()
        write(tmp_path / name / "0000.txt", found)
    assert measure(tmp_path / "same", tmp_path / "truth")
    with pytest.raises(InputError, match=r"late/0000.txt: .* fit those 1 frame later"):
        measure(tmp_path / "late", tmp_path / "truth")
    with pytest.raises(InputError, match=r"wider/0000.txt: expected masks of 40 x 200 .* found 40 x 204"):
        measure(tmp_path / "wider", tmp_path / "truth")


def test_true_masks_of_another_size_than_the_store_s_are_refused(drawn_store, tmp_path):
    root, store = drawn_store
    (sequence,) = (StoreReader(str(store)).sequence(name) for name in StoreReader(str(store)).sequences)
    assert fitting_masks(sequence, root)
    (frame, (first, *_)), *_ = read_mots(root / "instances_txt" / f"{sequence.name}.txt").items()
    wider = rle.encode(np.ones((first.height, first.width + 4), bool))
    other = MotsObject(frame, first.track_id, first.class_id, first.height, first.width + 4, wider)
    write_mots(tmp_path / f"{sequence.name}.txt", [other])
    with pytest.raises(InputError, match=rf"found {first.width + 4}x{first.height}"):
        fitting_masks(sequence, tmp_path)


def test_true_flow_of_another_size_is_refused():
    video = VideoSequence("pair", SIZE, (), (0, 1))
    with pytest.raises(InputError, match=r"pair, frame 0: expected true flow of 40 x 200 pixels .* found 40 x 204"):
        Pair(video, 0, np.zeros((2, *SIZE, 3), np.uint8), np.zeros((2, HEIGHT, WIDTH + 4), np.float32))
