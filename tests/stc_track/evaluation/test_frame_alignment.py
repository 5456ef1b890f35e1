"""Results of other frames than the truth are refused; noisy ones of the same frames are not."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from stc_track.commands.evaluate import main
from stc_track.evaluation.frame_alignment import better_shift
from stc_track.formats.mots import MotsObject, write_mots
from stc_track.masks import rle

HEIGHT, WIDTH, FRAMES = 40, 200, 24


def mask(t, row, speed, start, late=0):
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    left = start + speed * (t - late)
    drawn[row : row + 12, max(left, 0) : left + 30] = 1
    return rle.encode(drawn)


def objects(numbers, late=0):
    """Two cars, one to the right and one to the left, 4 pixels a frame."""
    return [
        MotsObject(t, 1001 + k, 1, HEIGHT, WIDTH, mask(t, 4 + 16 * k, speed, start, late))
        for t in numbers
        for k, (speed, start) in enumerate(((4, 10), (-4, 150)))
    ]


@pytest.fixture
def truth(tmp_path):
    (tmp_path / "instances_txt").mkdir()
    write_mots(tmp_path / "instances_txt" / "0000.txt", objects(range(FRAMES)))
    return tmp_path


def measure(truth, found, *arguments):
    (truth / "results").mkdir(exist_ok=True)
    write_mots(truth / "results" / "0000.txt", found)
    return CliRunner().invoke(main, [str(truth / "results"), "--truth", str(truth), *arguments])


@pytest.mark.parametrize(
    ("kind", "found", "message"),
    [
        pytest.param(
            "counted from 1", objects(range(1, FRAMES + 1), late=1), "fit those 1 frame later", id="counted from 1"
        ),
        pytest.param(
            "counted from 1, of one length",
            objects(range(1, FRAMES), late=1),
            "fit those 1 frame later",
            id="counted from 1, of one length",
        ),
        pytest.param(
            "a frame too early",
            objects(range(FRAMES - 1), late=-1),
            "fit those 1 frame earlier",
            id="a frame too early",
        ),
        pytest.param("twice as long", objects(range(0, 2 * FRAMES)), "expected frames to 23", id="twice as long"),
    ],
)
def test_other_frames_are_refused(truth, kind, found, message):
    result = measure(truth, found)
    assert result.exit_code == 2, kind
    assert message in result.output
    assert "--any-frames" in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert measure(truth, found, "--any-frames").exit_code == 0


def test_a_video_whose_frames_are_at_hand_tells_its_length(truth):
    folder = truth / "training" / "image_02" / "0000"
    folder.mkdir(parents=True)
    for t in range(FRAMES):
        (folder / f"{t:06d}.png").touch()
    result = measure(truth, objects(range(FRAMES + 1)))
    assert result.exit_code == 2
    assert f"expected frames 0 to {FRAMES - 1}, those of the video, found frame {FRAMES}" in result.output
    assert measure(truth, objects(range(FRAMES))).exit_code == 0


@pytest.mark.parametrize(
    "frames",
    [range(FRAMES), range(3, FRAMES), range(0, FRAMES, 2), range(FRAMES - 10), range(FRAMES + 1)],
    ids=["all", "late start", "every second", "early end", "one more"],
)
def test_the_same_frames_are_measured(truth, frames):
    """Some missing, or a false positive after the truth's last object."""
    assert measure(truth, objects(frames)).exit_code == 0


@pytest.mark.parametrize("seed", range(20))
def test_noise_is_no_shift(seed):
    """Boxes of a moving object off by up to a third of its width."""
    generator = np.random.default_rng(seed)
    true = {t: np.array([[5.0 * t, 0, 5 * t + 30, 20], [300 - 3 * t, 30, 330 - 3 * t, 60]]) for t in range(30)}
    found = {t: boxes + generator.uniform(-10, 10, boxes.shape) for t, boxes in true.items()}
    assert better_shift(found, true) == 0
    assert better_shift({t + 1: boxes for t, boxes in true.items()}, true) == 1
    assert better_shift({t - 1: boxes for t, boxes in true.items()}, true) == -1


def test_what_stands_still_tells_nothing():
    boxes = {t: np.array([[10.0, 10, 40, 40]]) for t in range(30)}
    assert better_shift({t + 1: own for t, own in boxes.items()}, boxes) == 0


def test_a_video_of_youtube_vis_a_frame_late(tmp_path):
    names = [f"a/{t:05d}.jpg" for t in range(FRAMES)]
    video = {"id": 1, "file_names": names, "height": HEIGHT, "width": WIDTH, "length": FRAMES}

    def segmentations(late):
        return [{"size": [HEIGHT, WIDTH], "counts": mask(t, 4, 4, 10, late).decode()} for t in range(FRAMES)]

    annotation = {
        "id": 1,
        "video_id": 1,
        "category_id": 1,
        "iscrowd": 0,
        "segmentations": segmentations(0),
        "bboxes": [[0, 0, 1, 1]] * FRAMES,
        "areas": [360] * FRAMES,
    }
    content = {"videos": [video], "categories": [{"id": 1, "name": "car"}], "annotations": [annotation]}
    (tmp_path / "truth.json").write_text(json.dumps(content))
    for late, code in ((0, 0), (1, 2)):
        found = [{"video_id": 1, "category_id": 1, "score": 0.9, "segmentations": segmentations(late)}]
        (tmp_path / "found.json").write_text(json.dumps(found))
        arguments = [
            str(tmp_path / "found.json"),
            "--truth",
            str(tmp_path / "truth.json"),
            "--benchmark",
            "youtube-vis",
        ]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == code, result.output
    assert "1 frame later" in result.output
