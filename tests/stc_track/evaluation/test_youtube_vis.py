"""YouTube-VIS figures: TrackEval's own on the same files, cases by hand, and bad input."""

import contextlib
import io
import json
from dataclasses import astuple

import numpy as np
import pytest
from click.testing import CliRunner

from stc_track.commands.evaluate import main
from stc_track.evaluation.youtube_vis import evaluate_youtube_vis
from stc_track.masks import rle

HEIGHT, WIDTH, LENGTH = 30, 40, 6
CLASSES = {3: "cat", 10: "dog", 12: "owl"}


def box(x, y, side):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[max(y, 0) : y + side, max(x, 0) : x + side] = True
    return rle.encode(mask)


def plain(counts):
    return {"size": [HEIGHT, WIDTH], "counts": rle.run_lengths(counts, HEIGHT, WIDTH).tolist()}


def compressed(counts):
    return {"size": [HEIGHT, WIDTH], "counts": counts.decode()}


def annotation_file(tracks):
    """Of (video, class, crowd, masks) with masks compressed counts or None."""
    return {
        "videos": [
            {
                "id": 5 + k,
                "height": HEIGHT,
                "width": WIDTH,
                "length": LENGTH,
                "file_names": [f"v{2 * k % 3}/{5 * t:05d}.jpg" for t in range(LENGTH)],
            }
            for k in range(3)
        ],
        "categories": [{"id": number, "name": name} for number, name in CLASSES.items()],
        "annotations": [
            {
                "id": 1 + k,
                "video_id": 5 + video,
                "category_id": class_id,
                "iscrowd": crowd,
                "height": HEIGHT,
                "width": WIDTH,
                "areas": [mask and rle.area(mask, HEIGHT, WIDTH) for mask in masks],
                "segmentations": [mask and plain(mask) for mask in masks],
            }
            for k, (video, class_id, crowd, masks) in enumerate(tracks)
        ],
    }


def result_file(tracks):
    """Of (video, class, score, masks)."""
    return [
        {
            "video_id": 5 + video,
            "category_id": class_id,
            "score": score,
            "segmentations": [mask and compressed(mask) for mask in masks],
        }
        for video, class_id, score, masks in tracks
    ]


def drawn_tracks(seed):
    """Moving boxes of two classes; results shifted, shortened, doubled, of the wrong class, invented; scores recur."""
    random = np.random.default_rng(seed)
    true, found = [], [(2, 10, 0.99, [box(0, 0, 3)] * LENGTH)]  # invented
    for video in range(3):
        for class_id in (3, 3, 10) if video < 2 else (10,):
            x, y, side = (int(random.integers(*ends)) for ends in ((0, 25), (0, 25), (5, 14)))
            masks = [None if t == 2 and class_id == 10 else box(x + t, y, side) for t in range(LENGTH)]
            true.append((video, class_id, 0, masks))
            for _ in range(2):
                dx, dy = random.integers(-2, 3, 2).tolist()
                moved = [None if random.random() < 0.2 else box(x + t + dx, y + dy, side) for t in range(LENGTH)]
                found.append((video, class_id if random.random() < 0.8 else 3, round(float(random.random()), 1), moved))
    return true, found


def write(tmp_path, true, found):
    (tmp_path / "truth.json").write_text(json.dumps(annotation_file(true)))
    (tmp_path / "found.json").write_text(json.dumps(result_file(found)))
    return tmp_path / "found.json", tmp_path / "truth.json"


def by_trackeval(tmp_path, most):
    """AP and AR by threshold of each class, by TrackEval's own reading of the files that `write` wrote."""
    import trackeval

    for source, target in (("truth", "gt/youtube_vis_all"), ("found", "trackers/youtube_vis_all/ours/data")):
        (tmp_path / target).mkdir(parents=True, exist_ok=True)
        (tmp_path / target / "file.json").write_bytes((tmp_path / f"{source}.json").read_bytes())
    config = {
        "GT_FOLDER": f"{tmp_path}/gt/",
        "TRACKERS_FOLDER": f"{tmp_path}/trackers/",
        "SPLIT_TO_EVAL": "all",
        "PRINT_CONFIG": False,
    }
    off = {key: False for key, value in trackeval.Evaluator.get_default_eval_config().items() if value is True}
    with contextlib.redirect_stdout(io.StringIO()):
        metric = trackeval.metrics.TrackMAP(
            {"USE_TIME_RANGES": False, "USE_AREA_RANGES": False, "MAX_DETECTIONS": most, "PRINT_CONFIG": False}
        )
        figures, _ = trackeval.Evaluator({**off, "BREAK_ON_ERROR": True}).evaluate(
            [trackeval.datasets.YouTubeVIS(config)], [metric]
        )
    combined = figures["YouTubeVIS"]["ours"]["COMBINED_SEQ"]
    return {name: combined[name]["TrackMAP"] for name in (*CLASSES.values(), "cls_comb_cls_av")}


@pytest.mark.parametrize("seed", range(4))
def test_parity_with_trackeval(tmp_path, seed):
    true, found = drawn_tracks(seed)
    ours = evaluate_youtube_vis(*write(tmp_path, true, found), workers=1 + seed % 2)
    theirs = {most: by_trackeval(tmp_path, most) for most in (1, 10, 100)}
    assert ours.combined.keys() == {"cat", "dog"}
    assert theirs[100]["owl"]["AP_all"][0] == -1
    for name, scores in {**ours.combined, "cls_comb_cls_av": ours.mean}.items():
        precision = 100 * theirs[100][name]["AP_all"]
        recall = [100 * theirs[most][name]["AR_all"].mean() for most in (1, 10)]
        expected = (precision.mean(), precision[0], precision[5], *recall)
        assert astuple(scores) == pytest.approx(expected, abs=1e-6)
    assert 0 < ours.mean.AP < 100


def test_by_hand(tmp_path):
    """One of two cats found whole, and a false one of higher score: precision is 1/2 up to recall 1/2, then 0."""
    whole, other, false = [box(0, 0, 9)] * LENGTH, [box(20, 0, 9)] * LENGTH, [box(0, 20, 9)] * LENGTH
    files = write(tmp_path, [(0, 3, 0, whole), (0, 3, 0, other)], [(0, 3, 0.9, false), (0, 3, 0.5, whole)])
    scores = evaluate_youtube_vis(*files).combined["cat"]
    area = 100 * 0.5 * 51 / 101
    assert astuple(scores) == pytest.approx((area, area, area, 0, 50))


def test_time_counts(tmp_path):
    """Half of the frames is a track IoU of one half."""
    whole = [box(0, 0, 9)] * LENGTH
    files = write(tmp_path, [(0, 3, 0, whole)], [(0, 3, 0.9, whole[:3] + [None] * 3)])
    scores = evaluate_youtube_vis(*files).combined["cat"]
    assert astuple(scores) == pytest.approx((10, 100, 0, 10, 10))


def test_a_crowd_need_not_be_found_and_costs_nothing(tmp_path):
    whole, crowd = [box(0, 0, 9)] * LENGTH, [box(20, 0, 9)] * LENGTH
    truth = [(0, 3, 0, whole), (0, 3, 1, crowd)]
    for found in ([(0, 3, 0.5, whole)], [(0, 3, 0.5, whole), (0, 3, 0.9, crowd)]):
        mean = evaluate_youtube_vis(*write(tmp_path, truth, found)).mean
        assert astuple(mean) == pytest.approx((100, 100, 100, mean.AR1, 100))


def test_no_results(tmp_path):
    files = write(tmp_path, [(0, 3, 0, [box(0, 0, 9)] * LENGTH)], [])
    assert evaluate_youtube_vis(*files).mean.AP == 0
    files = write(tmp_path, [], [])
    assert evaluate_youtube_vis(*files).mean is None


def test_command(tmp_path):
    files = write(tmp_path, *drawn_tracks(0))
    arguments = [str(files[0]), "--truth", str(files[1]), "--benchmark", "youtube-vis"]
    done = CliRunner().invoke(main, [*arguments, "--json", str(tmp_path / "out.json"), "--sequences", "v0,v2"])
    assert done.exit_code == 0, done.output
    figures = json.loads((tmp_path / "out.json").read_text())
    assert set(figures["sequences"]) == {"v0", "v2"}
    assert done.output.splitlines()[-1].split()[:3] == ["all", "mean", f"{figures['mean']['AP']:.2f}"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda truth, found: found[0].update(video_id=9),
            "result 0: expected a video_id of the annotations' videos",
            id="unknown video",
        ),
        pytest.param(
            lambda truth, found: found[0].update(category_id=4),
            "result 0: expected a category_id of the annotations'",
            id="unknown category",
        ),
        pytest.param(
            lambda truth, found: found[0].update(score=float("nan")),
            "result 0: expected score, 1 finite number",
            id="nan score",
        ),
        pytest.param(
            lambda truth, found: found[0].pop("score"),
            "result 0: expected score, 1 finite number, found [None]",
            id="no score",
        ),
        pytest.param(
            lambda truth, found: found[0]["segmentations"].pop(),
            "result 0: expected a segmentation or null for each of",
            id="few segmentations",
        ),
        pytest.param(
            lambda truth, found: found[0]["segmentations"][1].update(counts="2R"),
            "result 0, frame 1: expected a whole RLE string",
            id="cut counts",
        ),
        pytest.param(
            lambda truth, found: found[0]["segmentations"][0].update(size=[3, 4]),
            "result 0, frame 0: expected 30 x 40 pixels as in the video's others, found 3 x 4",
            id="other size",
        ),
        pytest.param(
            lambda truth, found: found[0].update(undetected=[6]),
            "result 0: expected undetected, a whole number of at most 5, found 6",
            id="undetected beyond the end",
        ),
        pytest.param(
            lambda truth, found: truth.pop("videos"), "expected videos, a JSON list, found a NoneType", id="no videos"
        ),
        pytest.param(
            lambda truth, found: truth["videos"][1].update(file_names=["../../x/0.jpg"]),
            "annotation 3: expected a segmentation or null for each of 1 frames, found 6",
            id="folder outside",
        ),
        pytest.param(
            lambda truth, found: truth["videos"][1].update(file_names=["a/../0.jpg"]),
            "video 1: expected frames in a folder of a plain name, found '..'",
            id="folder upwards",
        ),
        pytest.param(
            lambda truth, found: truth["videos"][1].update(id=5),
            "video 1: expected an id and a name of its own",
            id="video twice",
        ),
        pytest.param(
            lambda truth, found: truth["annotations"][1].update(id=1),
            "annotation 1: expected an id of its own",
            id="annotation twice",
        ),
        pytest.param(
            lambda truth, found: truth["categories"][0].update(id=10),
            "category 1: expected an id of its own",
            id="category twice",
        ),
    ],
)
def test_bad_input(tmp_path, change, message):
    files = write(tmp_path, *drawn_tracks(0))
    found, truth = (json.loads(path.read_text()) for path in files)
    change(truth, found)
    for path, content in zip(files, (found, truth), strict=True):
        path.write_text(json.dumps(content))
    done = CliRunner().invoke(main, [str(files[0]), "--truth", str(files[1]), "--benchmark", "youtube-vis"])
    assert done.exit_code == 2, done.output
    assert message in done.output
