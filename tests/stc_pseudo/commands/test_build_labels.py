"""`stc-pseudo build --labels` and `--preset`: what they write, what is redone, and what contradicts them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stc_pseudo.store.reader import StoreReader


def reader(drawn):
    return StoreReader(str(drawn.store)).sequence("0000")


def ious(drawn) -> list[float]:
    """IoU of both objects' masks on the first frame with the true ones."""
    objects, found = reader(drawn).read("objects", 0), []
    for k, mask in enumerate(drawn.masks().values(), 1):
        own = objects == k
        found.append(np.count_nonzero(own & mask) / np.count_nonzero(own | mask))
    return found


def test_the_paper_s_labels_are_m_in_the_box_and_recorded(drawn):
    done = drawn.build("--preset", "paper")
    assert done.exit_code == 0, done.output
    sequence = reader(drawn)
    assert sequence.provenance["preset"] == "paper"
    assert sequence.provenance["masks"]["labels"] == "mask"
    assert sequence.provenance["masks"]["cues"] == ["depth", "flow"]
    m, objects = sequence.read("mask", 0), sequence.read("objects", 0)
    whole = np.zeros(drawn.size, bool)
    whole[:64, :128] = m.repeat(4, 0).repeat(4, 1)
    expected = np.zeros(drawn.size, np.uint16)
    for k, box in enumerate(sequence.boxes_at(0).xyxy.astype(int), 1):
        place = slice(box[1], box[3]), slice(box[0], box[2])
        expected[place][whole[place]] = k
    assert np.array_equal(objects, expected)
    scores = sequence.column("box_score", 0)
    assert scores.shape == (2,)
    assert ((scores > 0) & (scores < 1)).all()


def test_another_kind_of_labels_redoes_the_masks_alone(drawn, monkeypatch):
    assert drawn.build("--labels", "walk").exit_code == 0
    depth = reader(drawn).read("inverse_depth", slice(None))
    refused = drawn.build("--labels", "regions")
    assert refused.exit_code == 2
    assert "--overwrite masks" in refused.output
    monkeypatch.setattr("stc_pseudo.depth.precomputed.PrecomputedDepth.inverse_depth", None)  # no network may run
    done = drawn.build("--labels", "regions", "--overwrite", "masks")
    assert done.exit_code == 0, done.output
    assert np.array_equal(reader(drawn).read("inverse_depth", slice(None)), depth)
    # Flat objects before a flat wall: nothing is missed but the borders' cells.
    assert min(ious(drawn)) > 0.7


def test_the_cues_are_honoured(drawn):
    found = {}
    for cues in ("depth", "flow", "depth,flow"):
        done = drawn.build("--labels", "mask", "--cues", cues, "--overwrite", "masks")
        assert done.exit_code == 0, done.output
        found[cues] = reader(drawn).read("mask", slice(None))
    assert np.array_equal(found["depth"] & found["flow"], found["depth,flow"])
    assert not np.array_equal(found["depth"], found["flow"])


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--labels", "mask", "--cues", "depth,colour"], "--cues: expected some of depth,flow for labels 'mask'"),
        (["--preset", "paper", "--labels", "walk"], "--labels: expected mask, as --preset paper has it, found walk"),
        (["--preset", "best", "--labels", "regions"], "--labels: expected walk, as --preset best has it"),
    ],
    ids=["a cue that M does not know", "other labels", "best has its own labels"],
)
def test_a_contradiction_is_one_line_and_nothing_is_written(drawn, flags, words):
    done = drawn.build(*flags)
    assert done.exit_code == 2
    assert words in done.output
    assert done.output.count("\n") == 1
    assert not list(drawn.store.glob("*/record.json"))


def test_the_tables_own_switches_stay_open_in_the_preset(drawn):
    done = drawn.build("--preset", "paper", "--layers", "1", "--threshold-flow", "0.2", "--cues", "depth")
    assert done.exit_code == 0, done.output
    assert reader(drawn).provenance["similarity"]["layers"] == 1


def test_the_former_flag_of_sharpness_warns_once(drawn):
    done = drawn.build("--trust", "estimated")
    assert done.exit_code == 0
    assert done.output.count("--trust goes with version 0.3") == 1


def test_depth_and_flow_of_video_without_boxes(drawn):
    assert drawn.build().exit_code == 0
    with_boxes = reader(drawn).read("flow", slice(None))
    (drawn.root / "instances_txt" / "0000.txt").unlink()
    drawn.store = drawn.store.with_name("cues")
    refused = drawn.build()
    assert refused.exit_code == 2
    done = drawn.build("--cues-only", "--preset", "paper")
    assert done.exit_code == 0, done.output
    assert np.array_equal(reader(drawn).read("flow", slice(None)), with_boxes)
    assert not reader(drawn).read("objects", slice(None)).any()
    assert len(reader(drawn).boxes_at(0)) == 0
    contradicted = drawn.build("--cues-only", "--boxes", "labels")
    assert contradicted.exit_code == 2
    assert "--cues-only: expected no flag about masks or boxes, found --boxes" in contradicted.output


def test_maps_in_pfm_are_those_in_png(drawn):
    """Depth of one channel, metres; flow of three, dx, dy and nothing."""
    from stc_pseudo.datasets.depth_maps import read_depth
    from stc_pseudo.datasets.flow_maps import read_kitti_flow

    assert drawn.build().exit_code == 0
    expected = {name: reader(drawn).read(name, slice(None)) for name in ("inverse_depth", "flow", "objects")}
    for kind in ("depth", "flow"):
        for path in (drawn.root / "training" / kind / "0000").iterdir():
            values = read_depth(path) if kind == "depth" else np.pad(read_kitti_flow(path), ((0, 1), (0, 0), (0, 0)))
            picture = values if kind == "depth" else np.ascontiguousarray(values[::-1].transpose(1, 2, 0))
            assert cv2.imwrite(str(path.with_suffix(".pfm")), picture.astype(np.float32))
            path.unlink()
    drawn.store = drawn.store.with_name("pfm")
    done = drawn.build()
    assert done.exit_code == 0, done.output
    for name, values in expected.items():
        assert np.array_equal(reader(drawn).read(name, slice(None)), values), name
