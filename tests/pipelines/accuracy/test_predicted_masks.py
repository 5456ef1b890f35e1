import numpy as np
import pytest

from pipelines.accuracy.predicted_masks import matched_ious, measure
from stc_track.formats.mots import Detection, DetectionWriter, MotsObject, write_mots
from stc_track.io.errors import InputError
from stc_track.masks import rle

SIZE = (20, 30)


def disc(x, y, radius=5):
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2


def detection(mask, class_id=1, score=0.9, box=None):
    counts = rle.encode(mask)
    return Detection(0, tuple(box or rle.tight_box(counts, *SIZE).tolist()), score, class_id, *SIZE, counts)


def true_object(mask, track_id=1001):
    return MotsObject(0, track_id, track_id // 1000, *SIZE, rle.encode(mask))


def test_a_perfect_mask_beats_its_box():
    ((class_id, mask, box),) = matched_ious([detection(disc(10, 10))], [true_object(disc(10, 10))])
    assert (class_id, mask) == (1, 1.0)
    assert box == pytest.approx(disc(10, 10).sum() / 100)


@pytest.mark.parametrize(
    "other", [detection(disc(10, 10), class_id=2), detection(disc(22, 10))], ids=["another class", "elsewhere"]
)
def test_what_does_not_fit_is_not_matched(other):
    assert matched_ious([other], [true_object(disc(10, 10))]) == []


def test_folders_are_measured_and_low_scores_left_out(tmp_path):
    (tmp_path / "predictions").mkdir()
    write_mots(tmp_path / "truth/0000.txt", [true_object(disc(7, 10)), true_object(disc(22, 10), 2001)])
    with DetectionWriter(tmp_path / "predictions/0000.txt") as writer:
        writer.write(detection(disc(7, 10)))
        writer.write(detection(disc(22, 10), class_id=2, score=0.1))
    report = measure(tmp_path / "predictions", tmp_path / "truth", score=0.3, min_area=10)
    assert report["car"]["predicted_mask"] == 1.0
    assert report["pedestrian"] == {"objects": 1, "matched": 0, "predicted_mask": None, "filled_predicted_box": None}
    assert report["all"]["objects"] == 2


def test_no_predictions_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="detections"):
        measure(tmp_path, tmp_path, 0.3, 0)
