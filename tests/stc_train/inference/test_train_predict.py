"""`stc-train` and `stc-predict` from end to end on the drawn video, and what they say to bad input."""

import shutil

import pytest
import torch
from click.testing import CliRunner

from stc_track.formats.mots import read_detections
from stc_train.commands.predict import main as predict_command
from stc_train.commands.train import main as train_command

SMALL = [
    "--config",
    "condinst_r18_demo",
    "--cfg-options",
    "train_dataloader.num_workers=0",
    "--cfg-options",
    "train_dataloader.batch_size=2",
    "--cfg-options",
    "default_hooks.logger.interval=1",
    "--cfg-options",
    "default_hooks.checkpoint.interval=2",
    "--cfg-options",
    "custom_hooks.2.interval=2",
]


def run(command, *arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def trained(drawn_store, tmp_path_factory):
    """A work directory after two steps."""
    folder = tmp_path_factory.mktemp("work")
    result = run(train_command, "--pseudo-store", drawn_store, "--work-dir", folder, "--max-iters", 2, *SMALL)
    assert result.exit_code == 0, result.output
    return folder


def log_lines(folder):
    return [
        line for log in sorted(folder.glob("*/*.log")) for line in log.read_text().splitlines() if "Iter(train)" in line
    ]


def test_training_leaves_a_model_its_config_and_a_line_per_step(trained):
    assert {"model.pth", "iter_2.pth", "condinst_r18_demo.py"} <= {path.name for path in trained.iterdir()}
    lines = log_lines(trained)
    assert len(lines) == 2
    for figure in ("eta", "loss_cls", "loss_mask_box", "loss_mask_boundary", "positives", "coverage", "images_per_s"):
        assert f"{figure}: " in lines[0]
    assert "store_fingerprint" in (trained / "condinst_r18_demo.py").read_text()
    content = torch.load(trained / "model.pth", weights_only=True)
    assert content["class_names"] == {1: "car", 2: "pedestrian"}
    assert content["step"] == 2


def test_resuming_goes_on_where_it_stopped(trained, drawn_store, tmp_path):
    folder = tmp_path / "work"
    shutil.copytree(trained, folder)
    result = run(
        train_command, "--pseudo-store", drawn_store, "--work-dir", folder, "--max-iters", 3, "--resume", *SMALL
    )
    assert result.exit_code == 0, result.output
    assert "[3/3]" in log_lines(folder)[-1]
    assert len(log_lines(folder)) == 3
    assert torch.load(folder / "model.pth", weights_only=True)["step"] == 3


def test_prediction_writes_detections_in_the_frame(trained, drawn_video, tmp_path):
    result = run(
        predict_command,
        trained / "model.pth",
        "--dataset",
        "kitti",
        "--root",
        drawn_video,
        "--out",
        tmp_path,
        "--score-threshold",
        0.001,
        "--batch-size",
        4,
    )
    assert result.exit_code == 0, result.output
    frames = read_detections(tmp_path / "0003.txt")  # checks every line
    assert frames
    for number, found in frames.items():
        assert 0 <= number < 6
        for detection in found:
            assert (detection.height, detection.width) == (98, 162)
            assert detection.class_id in (1, 2)
            x1, y1, x2, y2 = detection.box
            assert 0 <= x1 < x2 <= 162
            assert 0 <= y1 < y2 <= 98


def test_the_number_of_detections_is_a_flag(trained, drawn_video, tmp_path):
    found = []
    for most in (1, 2):
        arguments = [
            "--root",
            drawn_video,
            "--out",
            tmp_path / str(most),
            "--score-threshold",
            0,
            "--max-detections",
            most,
        ]
        result = run(predict_command, trained / "model.pth", "--dataset", "kitti", *arguments)
        assert result.exit_code == 0, result.output
        frames = read_detections(tmp_path / str(most) / "0003.txt")
        found.append(max(len(frame) for frame in frames.values()))
    assert found == [1, 2]


@pytest.mark.parametrize("prefix", ["", "encoder.", "encoder.encoder."], ids=["torchvision", "published", "ours"])
def test_a_backbone_starts_from_given_weights(prefix, tmp_path):
    from stc_pseudo.depth.monodepth2 import ResnetTrunk
    from stc_train.engine.backbone import resnet_state
    from stc_train.engine.train import load_config

    trunk = ResnetTrunk("resnet18", 0.5).state_dict()
    state = {f"{prefix}{key}": value for key, value in trunk.items()}
    # What else such files hold: a classifier, a decoder, a pose network on six channels.
    state |= {f"{prefix}fc.weight": torch.zeros(10, 256), "depth.decoder.0.weight": torch.zeros(1)}
    state |= {f"pose_encoder.{key}": value for key, value in ResnetTrunk("resnet18", 0.5, 6).state_dict().items()}
    torch.save({"state": dict(sorted(state.items(), reverse=True))}, tmp_path / "weights.pth")
    found = resnet_state(tmp_path / "weights.pth")
    assert found.keys() == trunk.keys()

    from mmdet.utils import register_all_modules
    from mmengine.registry import MODELS

    register_all_modules(init_default_scope=True)
    backbone = MODELS.build(load_config("condinst_r18_demo").model.backbone)
    backbone.load_state_dict(found)
    torch.testing.assert_close(
        backbone.state_dict()["layer2.0.downsample.0.weight"], trunk["layer2.0.downsample.0.weight"]
    )


@pytest.mark.parametrize("name", ["condinst_r50_kitti", "condinst_r101_kitti", "condinst_r50_ytvis"])
def test_the_papers_schedules(name):
    """Warm-up over an epoch, 1e-4, exponential decay to 2e-5 (IV-D2)."""
    from mmengine.optim import ExponentialLR, LinearLR

    from stc_train.engine.train import load_config

    config = load_config(name)
    steps, decay = {"ytvis": (80_000, 30_000)}.get(name.split("_")[-1], (10_000, 5_000))
    assert config.train_cfg.max_iters == steps
    assert config.train_dataloader.batch_size == 8
    optimizer = torch.optim.SGD(
        [torch.zeros(1, requires_grad=True)], **{k: v for k, v in config.optim_wrapper.optimizer.items() if k != "type"}
    )
    warm_up, exponential = (dict(policy) for policy in config.param_scheduler)
    assert [warm_up.pop("type"), exponential.pop("type")] == ["LinearLR", "ExponentialLR"]
    assert warm_up.pop("convert_to_iter_based")
    schedulers = [
        LinearLR.build_iter_from_epoch(optimizer, **warm_up, epoch_length=564),
        ExponentialLR(optimizer, **exponential),
    ]
    rates = []
    for _ in range(steps + 1):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    assert rates[0] < 1e-9
    assert rates[282] == pytest.approx(5e-5, rel=0.01)
    assert rates[600] == pytest.approx(1e-4)
    assert rates[decay] == pytest.approx(1e-4, rel=0.001)
    assert rates[steps] == pytest.approx(2e-5, rel=0.01)


def test_nan_stops_training_and_names_the_frames(drawn_store, tmp_path):
    result = run(
        train_command,
        "--pseudo-store",
        drawn_store,
        "--work-dir",
        tmp_path,
        "--max-iters",
        3,
        *SMALL,
        "--cfg-options",
        "optim_wrapper.optimizer.lr=1e30",
        "--cfg-options",
        "optim_wrapper.clip_grad=None",
        "--cfg-options",
        "param_scheduler.0.start_factor=1",
    )
    assert result.exit_code == 1
    assert "not finite on the frames 0003/00000" in result.output.splitlines()[-1]
    assert not (tmp_path / "model.pth").exists() or torch.load(tmp_path / "model.pth", weights_only=True)["step"] < 3


def test_settings_are_changed_as_in_mmdetection(drawn_store, tmp_path):
    """Several after one flag, lists and tuples, and members of lists; the config is kept as it was trained with."""
    result = run(
        train_command,
        "--pseudo-store",
        drawn_store,
        "--work-dir",
        tmp_path,
        "--max-iters",
        1,
        *SMALL,
        "--cfg-options",
        "model.mask_head.topk_masks_per_img=7",
        "model.bbox_head.strides=[8,16,32,64]",
        "train_dataloader.dataset.pipeline.3.scale=(272,96)",
        "optim_wrapper.clip_grad=None",
    )
    assert result.exit_code == 0, result.output
    kept = (tmp_path / "condinst_r18_demo.py").read_text().replace(" ", "").replace("\n", "")
    for written in ("topk_masks_per_img=7", "scale=(272,96,)", "clip_grad=None", "seed=0"):
        assert written in kept
    assert "store_fingerprint" in kept


BAD_TRAINING = {
    "a word too much": (["model.mask_head.topk_masks_per_img=7"], "expected flags only, found 'model.mask_head"),
    "no store": (["--pseudo-store", "nowhere"], "nowhere: expected a store with a manifest.json, found none"),
    "no config": (["--config", "condinst_r34"], "condinst_r34: expected a config's path, or one of blendmask_"),
    "no sequence": (["--sequences", "0009"], "expected sequence '0009', found only 0003"),
    "an option without a value": (["--cfg-options", "lr"], "expected KEY=VALUE, found 'lr'"),
    "frozen stages of noise": (["--config", "condinst_r50_kitti"], "expected pretrained weights"),
    "no weights": (["--init-backbone", "nowhere.pth"], "nowhere.pth: expected a file of network weights"),
    "a device that is none": (["--device", "tpu"], "expected cpu, cuda or cuda:N, found 'tpu'"),
}


@pytest.mark.parametrize(("arguments", "message"), BAD_TRAINING.values(), ids=BAD_TRAINING)
def test_bad_training_input(drawn_store, tmp_path, arguments, message):
    result = run(train_command, "--pseudo-store", drawn_store, "--work-dir", tmp_path, *arguments)
    assert result.exit_code == 2
    assert message in result.output.splitlines()[-1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("workers", [0, 1])
def test_a_frame_that_cannot_be_read_is_named(drawn_store, drawn_video, tmp_path, workers):
    root = tmp_path / "frames"
    shutil.copytree(drawn_video, root)
    for frame in (root / "training" / "image_02" / "0003").iterdir():
        frame.write_bytes(b"not a picture")
    result = run(
        train_command,
        "--pseudo-store",
        drawn_store,
        "--work-dir",
        tmp_path / "work",
        "--frames-root",
        root,
        "--max-iters",
        1,
        *SMALL,
        "--cfg-options",
        f"train_dataloader.num_workers={workers}",
    )
    assert result.exit_code == 2
    last = result.output.splitlines()[-1]
    assert ".png: expected a PNG or JPEG frame, found 13 bytes that do not decode" in last


def test_weights_of_another_network_are_named(drawn_store, tmp_path):
    from stc_pseudo.depth.monodepth2 import ResnetTrunk

    torch.save(ResnetTrunk("resnet18", 1.0).state_dict(), tmp_path / "wide.pth")
    torch.save({"bias": torch.zeros(1)}, tmp_path / "other.pth")
    for name, message in (
        ("wide", "'conv1.weight' of shape (32, 3, 7, 7), found shape (64, 3, 7, 7)"),
        ("other", "expected a ResNet's weights"),
    ):
        result = run(
            train_command,
            "--pseudo-store",
            drawn_store,
            "--work-dir",
            tmp_path / "work",
            "--init-backbone",
            tmp_path / f"{name}.pth",
            *SMALL,
        )
        assert result.exit_code == 2
        assert message in result.output.splitlines()[-1]


def test_bad_prediction_input(trained, drawn_video, tmp_path):
    other = tmp_path / "other.pth"
    torch.save({"format": "another"}, other)
    foreign = tmp_path / "foreign.pth"
    content = torch.load(trained / "model.pth", weights_only=True)
    content["model"]["backbone"]["type"] = "os.system"
    torch.save(content, foreign)
    cases = [
        ((tmp_path / "none.pth", drawn_video), "none.pth: expected a file of network weights"),
        ((other, drawn_video), "expected a model.pth of stc-train"),
        (
            (foreign, drawn_video),
            "type 'os.system' in model.backbone, which is no part of an instance segmenter of MMDetection",
        ),
        ((trained / "model.pth", tmp_path), "expected a folder of sequences of frames"),
    ]
    for (checkpoint, root), message in cases:
        result = run(predict_command, checkpoint, "--dataset", "kitti", "--root", root, "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert message in result.output.splitlines()[-1]
    assert not (tmp_path / "out").exists()
