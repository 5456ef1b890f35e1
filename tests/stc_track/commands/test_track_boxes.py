"""`stc-track` on MOT-Challenge boxes, without masks."""

import json

from click.testing import CliRunner

from stc_track.commands.convert import main as convert
from stc_track.formats.mots import read_mots
from stc_track.masks import rle
from tests.stc_track.commands.conftest import MOT, invoke


def test_boxes_stay_boxes_and_no_mask_is_made(boxes, monkeypatch):
    monkeypatch.setattr("stc_track.formats.mot_boxes.filled", None)
    monkeypatch.setattr("stc_track.tracking.output.filled", None)
    done = invoke(boxes, "--format", "mot", "--predict-missing", "0")
    assert done.exit_code == 0, done.output
    lines = (boxes.parent / "results" / "left.txt").read_text().splitlines()
    assert lines == [f"{t},2001,{10 + 3 * t},20,30,60,0.9,-1,-1,-1" for t in range(1, 9) if t != 5]


def test_boxes_become_masks_where_they_are_asked_for(boxes):
    assert invoke(boxes).exit_code == 0
    found = read_mots(boxes.parent / "results" / "left.txt")
    assert rle.area(found[1][0].counts, 200, 400) == 30 * 60


def test_offline_fills_gaps_and_counts_them_in_seconds(boxes):
    for gap, filled in (("0.2s", False), ("0.5s", True), ("1", True), ("0", False)):
        done = invoke(boxes, "--format", "mot", "--offline", "--predict-missing", "0", "--max-gap", gap)
        assert done.exit_code == 0, done.output
        lines = (boxes.parent / "results" / "left.txt").read_text().splitlines()
        assert any(line.startswith("5,2001,25,20,30,60") for line in lines) == filled, gap


def test_seconds_without_a_frame_rate(folder):
    done = invoke(folder, "--max-gap", "1s")
    assert done.exit_code == 2
    assert "0000.txt: expected a frame rate, for --max-gap in seconds, found none (--frame-rate says it)" in done.output


def test_boxes_out_of_order_give_the_same(boxes):
    assert invoke(boxes, "--format", "mot").exit_code == 0
    expected = (boxes.parent / "results" / "left.txt").read_text()
    (boxes / "left" / "det" / "det.txt").write_text("".join(reversed(MOT.splitlines(keepends=True))))
    assert invoke(boxes, "--format", "mot").exit_code == 0
    assert (boxes.parent / "results" / "left.txt").read_text() == expected


def test_500_boxes_on_a_frame_and_a_class_that_appears_once(boxes):
    rows = [(t, 4 + 15 * (k % 25), 2 + 9 * (k // 25), 0) for t in (1, 2, 3) for k in range(500)]
    rows.insert(700, (2, 100, 100, 14))
    (boxes / "left" / "det" / "det.txt").write_text("".join(f"{t},-1,{x},{y},9,6,0.9,{c},1\n" for t, x, y, c in rows))
    done = invoke(boxes, "--format", "mot")
    assert done.exit_code == 0, done.output
    found = [line.split(",") for line in (boxes.parent / "results" / "left.txt").read_text().splitlines()]
    assert [sum(row[0] == t for row in found) for t in "123"] == [500, 501, 500]
    places = {(row[1], row[2], row[3]) for row in found}
    assert len(places) == len({row[1] for row in found}) == 501


def test_what_was_filled_in_is_still_known_when_it_is_read_again(boxes):
    assert invoke(boxes, "--format", "mot", "--offline").exit_code == 0
    results = boxes.parent / "results"
    (results / "seqinfo.ini").write_text((boxes / "left" / "seqinfo.ini").read_text())
    done = CliRunner().invoke(convert, [str(results), "--to", "coco", "--out", str(boxes.parent / "coco.json")])
    assert done.exit_code == 0, done.output
    content = json.loads((boxes.parent / "coco.json").read_text())
    frames = {image["id"]: image["frame"] for image in content["images"]}
    undetected = [
        frames[annotation["image_id"]] for annotation in content["annotations"] if annotation.get("detected") is False
    ]
    assert undetected == [5]
