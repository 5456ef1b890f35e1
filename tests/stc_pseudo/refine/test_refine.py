"""The command, from a store to the refined one."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from stc_pseudo.cli import main
from stc_pseudo.evaluation.quality import instances_of
from stc_pseudo.refine import refine_store as run
from stc_pseudo.refine.encoder import make_encoder
from stc_pseudo.refine.refine_store import refine_store
from stc_pseudo.refine.settings import RefineSettings
from stc_pseudo.store.reader import StoreReader

QUICK = RefineSettings(crop=32, views=2, min_steps=80, epochs=1, heads=1)


def refine(*arguments):
    return CliRunner().invoke(main, ["refine", *map(str, arguments)])


def mean_iou(sequence, ellipse):
    ious = []
    for t in range(len(sequence)):
        for k, box in enumerate(sequence.boxes_at(t).xyxy):
            mask, true = sequence.read("objects", t) == k + 1, ellipse(box)
            ious.append((mask & true).sum() / (mask | true).sum())
    return np.mean(ious)


def test_masks_get_better_and_the_first_round_stays(store, ellipse, tmp_path):
    out = str(tmp_path / "refined")
    refine_store(StoreReader(str(store)), out, ("drawn",), make_encoder("scratch"), QUICK)
    before, after = StoreReader(str(store)).sequence("drawn"), StoreReader(out).sequence("drawn")
    assert mean_iou(after, ellipse) > mean_iou(before, ellipse) + 0.01
    everything = slice(0, len(before))
    np.testing.assert_array_equal(after.read("first_objects", everything), before.read("objects", everything))
    for name in ("flow", "inverse_depth", "mask"):
        np.testing.assert_array_equal(after.read(name, everything), before.read(name, everything))
    objects, probability = after.read("objects", 3), after.read("probability", 3)
    assert probability.max() > 200
    assert probability[objects == 0].mean() < 60
    areas = [np.count_nonzero(objects == k + 1) for k in range(4)]
    assert after.column("box_area", 3).tolist() == areas
    assert (after.column("box_score", 3) > 0).all()
    assert (after.column("box_first_score", 3) == 0.5).all()
    assert (after.column("box_agreement", 3) > 0.5).all()
    assert [i.quality for i in instances_of(after) if i.position == 3] == after.column("box_score", 3).tolist()
    assert set(after.column("box_refined", 3).tolist()) <= {0, 1}
    assert after.provenance["refine"]["settings"]["crop"] == 32
    assert {key: after.provenance[key] for key in before.provenance} == before.provenance
    assert not (tmp_path / "refined" / ".refine").exists()


def test_an_interrupted_run_goes_on_with_the_networks_that_it_has(store, tmp_path, monkeypatch):
    out, reader, quick = str(tmp_path / "refined"), StoreReader(str(store)), replace(QUICK, min_steps=8)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "relabel_shard", stop)
    with pytest.raises(KeyboardInterrupt):
        refine_store(reader, out, ("drawn",), make_encoder("scratch"), quick)
    monkeypatch.undo()
    monkeypatch.setattr(run, "train", stop)
    refine_store(reader, out, ("drawn",), make_encoder("scratch"), quick)
    resumed = StoreReader(out).sequence("drawn").read("objects", slice(0, 16))
    monkeypatch.undo()
    refine_store(reader, str(tmp_path / "whole"), ("drawn",), make_encoder("scratch"), quick)
    np.testing.assert_array_equal(
        StoreReader(str(tmp_path / "whole")).sequence("drawn").read("objects", slice(0, 16)), resumed
    )
    monkeypatch.setattr(run, "learn", stop)
    refine_store(reader, out, ("drawn",), make_encoder("scratch"), quick)  # complete: nothing is learnt


def test_boxes_without_a_mask_get_one(write_store, tmp_path):
    store = write_store(tmp_path, frames=24, empty=(3,))
    out = str(tmp_path / "refined")
    refine_store(StoreReader(str(store)), out, ("drawn",), make_encoder("scratch"), QUICK)
    sequence = StoreReader(out).sequence("drawn")
    assert all(sequence.column("box_area", t)[3] > 0 for t in range(24))


def test_a_store_of_a_few_boxes_is_left(write_store, tmp_path):
    store = write_store(tmp_path, frames=4, boxes=2)
    result = refine(store, "--out", tmp_path / "refined", "--init-backbone", "scratch")
    assert result.exit_code == 2
    assert result.output.strip().endswith(
        "at least 48 boxes with a mask to learn from, found 8 (the store stays as it is; take more videos into it)"
    )
    assert len(StoreReader(str(store)).sequences) == 1


def test_a_refined_store_is_not_refined_again(store, tmp_path):
    out, quick = str(tmp_path / "refined"), replace(QUICK, min_steps=4)
    refine_store(StoreReader(str(store)), out, ("drawn",), make_encoder("scratch"), quick)
    result = refine(out, "--out", tmp_path / "twice", "--init-backbone", "scratch")
    assert result.exit_code == 2
    assert "expected masks as `stc-pseudo build` makes them, found refined ones" in result.output
    assert not (tmp_path / "twice").exists()
    other = refine(store, "--out", out, "--init-backbone", "scratch", "--seed", 1)
    assert other.exit_code == 2
    assert "choose another --out" in other.output


def test_masks_without_scores_are_refused_before_anything_is_learnt(write_store, tmp_path):
    result = refine(write_store(tmp_path, scored=False), "--out", tmp_path / "refined", "--init-backbone", "scratch")
    assert result.exit_code == 2
    assert "expected the table box_score" in result.output
    assert not (tmp_path / "refined").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        pytest.param(["--init-backbone", "weights.pth"], "--init-backbone", id="missing weights"),
        pytest.param(
            ["--init-backbone", "scratch", "--crop", "100"],
            "refine.crop: expected a multiple of 32, found 100",
            id="crop of no multiple of 32",
        ),
        pytest.param(
            ["--init-backbone", "scratch", "--device", "nowhere"],
            "--device: expected a device that torch can use here, as cpu or cuda, found nowhere",
            id="unknown device",
        ),
        pytest.param(["--init-backbone", "scratch", "--sequences", "other"], "only drawn", id="unknown sequence"),
    ],
)
def test_bad_flags_are_one_line(store, tmp_path, monkeypatch, flags, message):
    torch.save({"weight": torch.zeros(2)}, tmp_path / "weights.pth")
    monkeypatch.chdir(tmp_path)
    result = refine(store, "--out", tmp_path / "refined", *flags)
    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert not (tmp_path / "refined").exists()


def test_the_store_itself_is_not_overwritten(store):
    result = refine(store, "--out", store, "--init-backbone", "scratch")
    assert result.exit_code == 2
    assert "another store than the one that is read" in result.output


def test_build_refines_beside_the_first_round(tmp_path, monkeypatch):
    """Frames and boxes to a refined store; the first round stays beside it."""
    monkeypatch.setattr("stc_pseudo.commands.refine.BACKBONE", "scratch")
    monkeypatch.setattr("stc_pseudo.refine.settings.RefineSettings", lambda: replace(QUICK, min_steps=4))
    frames, random = tmp_path / "video", np.random.default_rng(0)
    frames.mkdir()
    lines = []
    for t in range(13):
        picture = random.integers(0, 80, (64, 96, 3), np.uint8)
        for k, (x, y) in enumerate([(6, 6), (50, 6), (6, 36), (50, 36)]):
            cv2.ellipse(picture, (x + 14 + t % 3, y + 10), (13, 9), 0, 0, 360, (200, 150, 90), -1)
            lines.append(f"{t + 1},{k + 1},{x + 1 + t % 3},{y + 1},28,20,1,1,1")
        cv2.imwrite(str(frames / f"{t:05d}.png"), picture)
        (frames.parent / "depth" / "video").mkdir(parents=True, exist_ok=True)
        np.save(frames.parent / "depth" / "video" / f"{t:05d}.npy", np.full((64, 96), 10, np.float32))
    (tmp_path / "boxes.txt").write_text("\n".join(lines) + "\n")
    flags = ["--frames", frames, "--boxes", tmp_path / "boxes.txt", "--depth", "precomputed", "--flow", "dis"]
    flags += ["--depth-dir", tmp_path / "depth", "--out", tmp_path / "store", "--refine"]
    result = CliRunner().invoke(main, ["build", *map(str, flags)])
    assert result.exit_code == 0, result.output
    first = StoreReader(str(tmp_path / "store.first")).sequence("video")
    after = StoreReader(str(tmp_path / "store")).sequence("video")
    np.testing.assert_array_equal(after.read("first_objects", slice(0, 13)), first.read("objects", slice(0, 13)))
