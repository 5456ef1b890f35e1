"""YOLACT, HTC and BlendMask train on a store's pseudo-masks, predict in the tracker's format, and are tracked."""

import json
import math
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from stc_pseudo.store.reader import StoreReader
from stc_track.commands.track import main as track_command
from stc_track.formats.mots import read_detections, read_mots
from stc_track.formats.shards import checksum, encode_shard
from stc_track.formats.store import seal, unseal
from stc_track.masks import rle
from stc_train.commands.export import main as export_command
from stc_train.commands.predict import main as predict_command
from stc_train.commands.train import main as train_command

NETWORKS = {
    "yolact": {"loss_cls", "loss_bbox", "loss_mask", "loss_segm"},
    "htc": {
        "loss_rpn_cls",
        "loss_rpn_bbox",
        *(f"s{stage}.loss_{name}" for stage in range(3) for name in ("cls", "bbox", "mask")),
    },
    "blendmask": {"loss_cls", "loss_bbox", "loss_centerness", "loss_mask", "loss_semantic"},
}
SMALL = [
    "train_dataloader.num_workers=0",
    "default_hooks.logger.interval=1",
    "log_processor.window_size=1",
    "train_dataloader.dataset.pipeline.3.scale=(160,96)",
    "test_pipeline.1.scale=(160,96)",
]


def run(command, *arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def train(network, store, folder, steps, *arguments):
    """The logged figures of each step."""
    run(
        train_command,
        "--pseudo-store",
        store,
        "--config",
        f"{network}_r18_demo",
        "--work-dir",
        folder,
        "--max-iters",
        steps,
        "--device",
        "cpu",
        *arguments,
        "--cfg-options",
        *SMALL,
    )
    rows = [json.loads(line) for file in folder.glob("*/vis_data/*.json") for line in file.read_text().splitlines()]
    return {row["step"]: row for row in rows if "loss" in row}


@pytest.fixture(scope="module", params=NETWORKS)
def trained(request, drawn_store, tmp_path_factory):
    """A network's name, its work directory after two steps, and the steps' figures."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, folder, train(request.param, drawn_store, folder, 2)


def test_every_loss_is_there_and_finite(trained):
    network, _, rows = trained
    assert sorted(rows) == [1, 2]
    for row in rows.values():
        assert NETWORKS[network] == {name for name in row if "loss_" in name}
        assert all(math.isfinite(row[name]) and row[name] > 0 for name in NETWORKS[network])
    assert rows[1]["loss"] != rows[2]["loss"]


def test_its_predictions_are_tracked(trained, drawn_video, tmp_path):
    _, folder, _ = trained
    run(
        predict_command,
        folder / "model.pth",
        "--dataset",
        "kitti",
        "--root",
        drawn_video,
        "--out",
        tmp_path / "predictions",
        "--score-threshold",
        0.001,
        "--batch-size",
        4,
    )
    frames = read_detections(tmp_path / "predictions" / "0003.txt")  # checks every line
    found = [detection for frame in frames.values() for detection in frame]
    assert found
    assert {(detection.height, detection.width) for detection in found} == {(98, 162)}
    assert {detection.class_id for detection in found} <= {1, 2}
    run(
        track_command,
        tmp_path / "predictions",
        "--out",
        tmp_path / "results",
        "--high-score",
        0.001,
        "--low-score",
        0.001,
        "--confirm-score",
        0.001,
    )
    assert read_mots(tmp_path / "results" / "0003.txt")


def test_what_only_condinst_can_is_refused(trained, drawn_video, tmp_path):
    model = trained[1] / "model.pth"
    for command, name, arguments in (
        (predict_command, "--flip", ["--dataset", "kitti", "--root", drawn_video, "--flip"]),
        (export_command, "stc-export", ["--size", "96x160"]),
    ):
        result = CliRunner().invoke(
            command, [str(argument) for argument in (model, "--out", tmp_path / "out", *arguments)]
        )
        assert result.exit_code == 2
        assert f"{name}: expected a CondInst of stc-train, found" in result.output
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def store_without_masks(drawn_store, tmp_path_factory):
    """The drawn store as if no box had got a pseudo-mask."""

    url = tmp_path_factory.mktemp("without") / "store"
    shutil.copytree(drawn_store, url)
    record = unseal((url / "0003/record.json").read_bytes(), "")
    described, key = record["arrays"]["objects"], "objects/c.0.0.0"
    empty = encode_shard(np.zeros(described["shape"], described["dtype"]), record["shard_frames"])
    (url / "0003" / record["version"] / key).write_bytes(empty)
    record["files"][key] = [len(empty), checksum(empty)]
    (url / "0003/record.json").write_bytes(seal(record))
    return url


@pytest.mark.parametrize("network", NETWORKS)
def test_frames_without_any_pseudo_mask_do_no_harm(network, store_without_masks, tmp_path):
    row = train(network, store_without_masks, tmp_path, 1)[1]
    assert NETWORKS[network] == {name for name in row if "loss_" in name}
    assert math.isfinite(row["loss"])
    masks = [name for name in NETWORKS[network] if "loss_mask" in name]
    assert [row[name] for name in masks] == [0] * len(masks)


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_half_precision(network, drawn_store, tmp_path):
    assert math.isfinite(train(network, drawn_store, tmp_path, 1, "--precision", "bfloat16")[1]["loss"])


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_the_loss_falls(network, drawn_store, tmp_path):
    rows = train(network, drawn_store, tmp_path, 24)
    first, last = (sum(rows[step]["loss"] for step in steps) / 4 for steps in (range(1, 5), range(21, 25)))
    assert last < 0.95 * first


@pytest.mark.slow
@pytest.mark.parametrize("network", ["yolact", "blendmask"])  # HTC takes minutes
def test_what_is_learnt_are_masks_in_their_place(network, drawn_store, drawn_video, tmp_path):
    """On every drawn frame the surest car's mask fits the car better than any box could."""
    train(network, drawn_store, tmp_path, 150)
    run(predict_command, tmp_path / "model.pth", "--dataset", "kitti", "--root", drawn_video, "--out", tmp_path / "out")
    frames, reader = read_detections(tmp_path / "out" / "0003.txt"), StoreReader(str(drawn_store)).sequence("0003")
    for t in (0, 1, 3, 4, 5):  # frame 2 is not trained on
        car = reader.read("objects", t) == 1
        best = max(
            (detection for detection in frames[t] if detection.class_id == 1), key=lambda detection: detection.score
        )
        mask = rle.decode(best.counts, *car.shape).astype(bool)
        assert (mask & car).sum() > 0.85 * (mask | car).sum()  # the car's own box filled reaches 0.8


@pytest.mark.parametrize("network", NETWORKS)
def test_the_paper_sized_configs_build(network):
    """With the schedule and frames of CondInst's configs."""
    from mmdet.registry import MODELS
    from mmdet.utils import register_all_modules

    from stc_train.engine.train import load_config

    register_all_modules(init_default_scope=True)
    assert MODELS.build(load_config(f"{network}_r50_kitti").model).backbone.depth == 50
    for dataset in ("kitti", "ytvis"):
        config, condinst = (load_config(f"{name}_r50_{dataset}") for name in (network, "condinst"))
        assert [step["type"] for step in config.train_pipeline][-2:] == ["stc_train.IgnoreLostMasks", "PackDetInputs"]
        for key in ("train_cfg", "param_scheduler", "optim_wrapper", "test_pipeline", "custom_hooks"):
            assert config[key] == condinst[key]
