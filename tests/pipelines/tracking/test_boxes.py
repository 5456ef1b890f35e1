"""Real boxes beside public trackers, and what is chosen on one half and measured on the other, on a small stand-in."""

import numpy as np
import pytest
from click.testing import CliRunner

from pipelines.tracking import boxes, held_out
from pipelines.tracking.box_metrics import evaluate, read_video, summarise

pytest.importorskip("trackeval")
FRAMES = 25


@pytest.fixture
def root(tmp_path):
    """Four sequences of three people that walk apart; the detector misses one of them for three frames."""
    for place, number in enumerate(("02", "05", "09", "11")):
        folder = tmp_path / f"MOT17-{number}-SDP"
        (folder / "det").mkdir(parents=True)
        (folder / "gt").mkdir()
        random, found, true = np.random.default_rng(place), [], []
        for frame in range(1, FRAMES + 1):
            for k in range(3):
                x, y = 100 + 120 * k + (k - 1) * 3 * frame, 80 + 2 * frame
                true.append(f"{frame},{k + 1},{x},{y},30,80,1,1,1")
                if k != 1 or not 10 <= frame < 13:
                    dx, dy = random.normal(0, 1, 2)
                    found.append(f"{frame},-1,{x + dx:.2f},{y + dy:.2f},30,80,0.9")
        (folder / "det" / "det.txt").write_text("\n".join(found) + "\n")
        (folder / "gt" / "gt.txt").write_text("\n".join(true) + "\n")
        (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=30\nimWidth=640\nimHeight=360\nseqLength=25\n")
    return tmp_path


def run(command, *arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_ours_keeps_everybody(root):
    video = read_video(root / "MOT17-02-SDP")
    found = summarise({video.name: evaluate(video, boxes.ours(boxes.DEFAULT)(video))})
    assert found.id_switches == 0
    assert found.HOTA > 80


def test_a_low_score_keeps_boxes_from_a_public_tracker(root):
    pytest.importorskip("trackers")
    video = read_video(root / "MOT17-02-SDP")
    every, none = (boxes.baseline("SORT", {"low_score": score})(video) for score in (0.0, 0.95))
    assert sum(len(ids) for _, ids in every.values()) > 50
    assert sum(len(ids) for _, ids in none.values()) == 0


def test_ours_is_measured_at_another_rate_and_under_a_shaking_camera(root):
    shown = run(boxes.main, "--root", root, "--no-baselines", "--drop", 2, "--shake", 0.01).splitlines()
    assert [line[:34].strip() for line in shown[2:]] == [
        "ours", "ours, --preset paper", "ours, paper, --motion center", "ours, --offline"
    ]  # fmt: skip


def test_either_half_is_measured_with_what_the_other_chose(root):
    halves = held_out.halves(root)
    assert [[video.name[6:8] for video in half] for half in halves] == [["02", "11"], ["05", "09"]]
    given = []

    def choose(half):
        given.append([video.name[6:8] for video in half])
        return {"lifecycle.max_gap": 20 + len(given)}

    held_out.report("ours", halves, choose)
    assert given == [["02", "11"], ["05", "09"]]
    shown = run(held_out.main, "--root", root, "--tracker", "ours", "--trials", 3)
    assert [line.split()[2] for line in shown.splitlines() if line.startswith("ours, tuned")] == [
        "05",
        "02",
        "together",
    ]


@pytest.mark.parametrize("tracker", [name for name in held_out.RANGES if name != "ours"])
def test_every_value_that_is_searched_is_taken(root, tracker):
    pytest.importorskip("trackers")
    video = read_video(root / "MOT17-02-SDP")
    for end in (0, -1):
        values = {name: span[end] for name, span in held_out.RANGES[tracker].items()}
        assert len(boxes.baseline(tracker, values)(video)) == FRAMES
