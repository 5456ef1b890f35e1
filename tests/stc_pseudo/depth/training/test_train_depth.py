import logging
import os
import shutil

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch.utils.data import default_collate
from torchvision.models import resnet18

from pipelines.checks.device_waits import NoWaiting
from stc_pseudo.cli import main
from stc_pseudo.datasets.base import Calibration, VideoSequence
from stc_pseudo.depth.monodepth2_estimator import Monodepth2Depth
from stc_pseudo.depth.training import static_frames
from stc_pseudo.depth.training.geometry import cropped_intrinsics
from stc_pseudo.depth.training.initial_weights import start_networks
from stc_pseudo.depth.training.static_frames import moving_clips
from stc_pseudo.depth.training.trainer import DepthTrainer, DepthTraining, train_depth
from stc_pseudo.nn import weights
from stc_pseudo.training import loop
from stc_pseudo.training.clips import Clips
from stc_pseudo.training.settings import training_settings
from stc_track.io.errors import InputError

SIZE = (64, 96)
CAMERA = Calibration(60.0, 60.0, 47.5, 31.5, baseline=0.5)
TINY = {"height": 64, "width": 96, "channel_width": 0.125, "batch_size": 2}
FLAGS = ["--height", "64", "--width", "96", "--channel-width", "0.125", "--batch-size", "2", "--steps", "2"]


@pytest.fixture(scope="module")
def stereo_video(tmp_path_factory):
    """A wall seen by a camera that moves right by 3 pixels a frame, with a right camera 6 pixels of disparity away."""
    root = tmp_path_factory.mktemp("video")
    noise = np.random.default_rng(0).integers(0, 256, (16, 60, 3), np.uint8)
    wall = cv2.resize(noise, (240, SIZE[0]), interpolation=cv2.INTER_CUBIC)
    for side, offset in (("left", 0), ("right", 6)):
        (root / side).mkdir()
        for t in range(6):
            start = 3 * t + offset
            cv2.imwrite(str(root / side / f"{t:06d}.png"), wall[:, start : start + SIZE[1]])
    return root


def sequence_of(root, calibration=CAMERA, right=True):
    left, other = (sorted((root / side).iterdir()) for side in ("left", "right"))
    return VideoSequence("wall", SIZE, tuple(left), tuple(range(len(left))), tuple(other) if right else (), calibration)


@pytest.fixture
def losses(monkeypatch):
    """The loss of every step that is taken."""
    recorded, plain = [], DepthTrainer.loss

    def loss(trainer, batch, step):
        value, figures = plain(trainer, batch, step)
        recorded.append(value.item())
        return value, figures

    monkeypatch.setattr(DepthTrainer, "loss", loss)
    return recorded


def test_training_lowers_the_loss(stereo_video, tmp_path, losses):
    settings = training_settings(DepthTraining, mode="mono+stereo", steps=24, learning_rate=2e-3, **TINY)
    train_depth([sequence_of(stereo_video)], settings, tmp_path / "depth.pth")
    assert np.mean(losses[-5:]) < 0.85 * np.mean(losses[:5])


def test_one_moving_camera_needs_no_stereo(stereo_video, tmp_path, losses):
    settings = training_settings(DepthTraining, mode="mono", steps=24, learning_rate=2e-3, **TINY)
    train_depth([sequence_of(stereo_video, right=False)], settings, tmp_path / "depth.pth")
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])
    assert weights.load(tmp_path / "depth.pth", "--depth-weights")["metres_per_unit"] is None


def test_the_pose_network_learns_first(stereo_video, tmp_path):
    video, first, second = sequence_of(stereo_video, right=False), tmp_path / "first.pth", tmp_path / "second.pth"
    train_depth([video], training_settings(DepthTraining, mode="mono", steps=1, **TINY), first)
    train_depth([video], training_settings(DepthTraining, init=first, pose_steps=2, steps=2, **TINY), second)
    before, after = (weights.load(path, "--depth-weights")["state"] for path in (first, second))
    learnt = {key for key in before if key.endswith("weight") and not torch.equal(before[key], after[key])}
    assert learnt
    assert all(key.startswith("pose_network.") for key in learnt)


def test_stereo_training_learns_metres(stereo_video, tmp_path):
    settings = training_settings(DepthTraining, mode="stereo", steps=60, learning_rate=2e-3, half=True, **TINY)
    train_depth([sequence_of(stereo_video)], settings, tmp_path / "depth.pth")
    content = weights.load(tmp_path / "depth.pth", "--depth-weights")
    assert content["metres_per_unit"] == pytest.approx(5.0)
    assert {value.dtype for value in content["state"].values()} == {torch.float16, torch.int64}
    assert not any("pose" in key for key in content["state"])
    frame = cv2.imread(str(stereo_video / "left" / "000002.png"))[None, ..., ::-1]
    inverse = Monodepth2Depth(tmp_path / "depth.pth").inverse_depth(sequence_of(stereo_video), 2, frame)
    # 60 pixels of focal length * 0.5 m / 6 pixels of disparity; the training starts at 10 m.
    assert np.median(1 / inverse) == pytest.approx(5.0, rel=0.2)


def test_a_step_never_waits_for_the_device(stereo_video):
    video = sequence_of(stereo_video)
    trainer = DepthTrainer(
        training_settings(DepthTraining, mode="mono+stereo", **TINY),
        torch.tensor([[[60.0, 0, 40.0], [0, 60, 30], [0, 0, 1]]]),
        torch.tensor([0.1]),
    )
    clips = Clips([video.frames], 3, SIZE, [video.right])
    batch = default_collate([clips[0], clips[1]])
    with NoWaiting():
        value, figures = trainer.loss(batch, 0)
        value.backward()
    assert {name: figure.shape for name, figure in figures.items()} == {"photometric": (), "moving": ()}


def test_mirrored_clip_has_the_loss_of_its_original(stereo_video):
    """With depth constant, mirroring pictures, camera and stereo side together changes nothing."""
    torch.manual_seed(0)
    camera = torch.tensor([[[60.0, 0, 40.0], [0, 60, 30], [0, 0, 1]]])
    trainer = DepthTrainer(training_settings(DepthTraining, mode="stereo", **TINY), camera, torch.tensor([0.1]))
    trainer.network.forward = lambda frames: [torch.full((1, 1, SIZE[0] >> s, SIZE[1] >> s), 1.0) for s in range(4)]
    item = Clips([sequence_of(stereo_video).frames], 1, SIZE, [sequence_of(stereo_video).right], augment=False)[0]
    batch = {key: torch.as_tensor(value)[None] for key, value in item.items()}
    mirror = {key: batch[key].flip(-1) for key in ("frames", "augmented", "right")}
    mirrored = batch | mirror | {"flipped": torch.tensor([True])}
    unmarked = batch | mirror
    errors = [float(trainer.loss(b, 0)[1]["photometric"]) for b in (batch, mirrored, unmarked)]
    assert errors[0] < 0.03
    assert errors[1] == pytest.approx(errors[0], rel=1e-3)
    assert errors[2] > 5 * errors[0]


def test_torchvision_weights_start_both_encoders(tmp_path):
    state = resnet18(weights=None).state_dict()
    torch.save(state, tmp_path / "resnet18.pth")
    settings = DepthTraining(mode="mono", encoder_weights=tmp_path / "resnet18.pth")
    trainer = DepthTrainer(settings, torch.eye(3)[None], torch.zeros(1))
    start_networks(trainer.network, trainer.pose_network, "resnet18", None, tmp_path / "resnet18.pth")
    depth, pose = trainer.network.encoder.encoder, trainer.pose_network.pose_encoder.encoder
    assert torch.equal(depth.layer4[1].conv2.weight, state["layer4.1.conv2.weight"])
    assert torch.equal(pose.layer4[1].conv2.weight, state["layer4.1.conv2.weight"])
    first = pose.conv1.weight
    torch.testing.assert_close(first[:, :3] + first[:, 3:], state["conv1.weight"])
    narrow = DepthTrainer(DepthTraining(mode="stereo", channel_width=0.5), torch.eye(3)[None], torch.zeros(1))
    with pytest.raises(InputError, match=r"conv1\.weight.*`encoder_weights=`"):
        start_networks(narrow.network, None, "resnet18", None, tmp_path / "resnet18.pth")


def test_training_goes_on_from_a_checkpoint_of_another_size(stereo_video, tmp_path):
    first, second = tmp_path / "first.pth", tmp_path / "second.pth"
    settings = training_settings(DepthTraining, mode="stereo", steps=1, half=True, **TINY)
    train_depth([sequence_of(stereo_video)], settings, first)
    settings = training_settings(
        DepthTraining, mode="mono+stereo", steps=1, init=first, learning_rate=1e-9, **TINY | {"width": 128}
    )
    train_depth([sequence_of(stereo_video)], settings, second)
    before, after = (weights.load(path, "--init")["state"] for path in (first, second))
    for key in before:
        if key.endswith(("weight", "bias")):
            torch.testing.assert_close(after[key], before[key].float(), atol=1e-3, rtol=0)
    narrow = training_settings(DepthTraining, init=first, **TINY | {"channel_width": 0.25})
    with pytest.raises(InputError, match=r"16 channels.*`init=`"):
        train_depth([sequence_of(stereo_video)], narrow, second)


def test_videos_of_one_camera_among_stereo_ones(stereo_video, tmp_path, losses):
    """Without its right frames a video teaches by its motion, and the views that it lacks change nothing."""
    pair, alone = sequence_of(stereo_video), sequence_of(stereo_video, calibration=None, right=False)
    settings = training_settings(DepthTraining, mode="mono+stereo", steps=2, **TINY)
    train_depth([pair, alone], settings, tmp_path / "depth.pth")
    assert weights.load(tmp_path / "depth.pth", "--init")["metres_per_unit"] == pytest.approx(5.0)
    assert np.isfinite(losses).all()
    trainer = DepthTrainer(settings, torch.eye(3).repeat(2, 1, 1) * 60, torch.tensor([0.1, 0.0])).eval()
    item = Clips([alone.frames] * 2, 3, SIZE, [[], []], augment=False)[4]  # the second video's first
    batch = {key: torch.as_tensor(value)[None] for key, value in item.items()}
    without = {key: value for key, value in batch.items() if key != "right"}
    assert not batch["right"].any()
    figures = [float(trainer.loss(b, 0)[1]["photometric"]) for b in (batch, without)]
    assert figures[0] == pytest.approx(figures[1], rel=1e-5)


def test_cropped_camera_sees_points_where_they_are():
    """A point's pixel in the crop is the affine image of its pixel in the whole picture."""
    camera = torch.tensor([[[60.0, 0, 47.5], [0, 50, 31.5], [0, 0, 1]]])
    window = torch.tensor([[0.25, 0.1, 0.5, 0.8]])
    cropped = cropped_intrinsics(camera, window, SIZE)
    point = torch.tensor([0.3, -0.2, 1.0])
    x, y, _ = (camera[0] @ point).tolist()
    height, width = SIZE
    expected = [((x + 0.5) / width - 0.25) / 0.5 * width - 0.5, ((y + 0.5) / height - 0.1) / 0.8 * height - 0.5]
    assert (cropped[0] @ point)[:2].tolist() == pytest.approx(expected, rel=1e-5)


def test_crops_agree_with_their_camera(stereo_video):
    """At the wall's true depth, the right view fits the left one in any crop."""
    torch.manual_seed(0)
    camera = torch.tensor([[[60.0, 0, 47.5], [0, 60, 31.5], [0, 0, 1]]])
    trainer = DepthTrainer(training_settings(DepthTraining, mode="stereo", **TINY), camera, torch.tensor([0.1]))
    trainer.network.forward = lambda frames: [torch.full((1, 1, SIZE[0] >> s, SIZE[1] >> s), 1.0) for s in range(4)]
    clips = Clips([sequence_of(stereo_video).frames], 1, SIZE, [sequence_of(stereo_video).right], min_crop=0.5)
    seen = 0
    for index in range(6):
        batch = {key: torch.as_tensor(value)[None] for key, value in clips[index].items()}
        if batch["window"][0, 2] > 0.9:
            continue
        whole = batch | {"window": torch.tensor([[0.0, 0, 1, 1]])}
        cropped, wrong = (trainer.loss(b, 0)[1]["photometric"] for b in (batch, whole))
        assert cropped < 0.06
        assert cropped < wrong
        seen += 1
    assert seen > 2


def test_frames_at_rest_are_left_out(stereo_video, tmp_path):
    frames = list(sequence_of(stereo_video).frames)
    clips = Clips([frames[:3] + [frames[2]] * 2 + frames[3:]], 3, SIZE)
    assert moving_clips(clips) == [0, 4, 5]
    with pytest.raises(InputError, match="static"):
        moving_clips(Clips([[frames[0]] * 4], 3, SIZE))


def test_motion_is_measured_once_for_the_same_frames(stereo_video, tmp_path, monkeypatch):
    shutil.copytree(stereo_video / "left", tmp_path / "frames")
    clips, cache = Clips([sorted((tmp_path / "frames").iterdir())], 3, SIZE), tmp_path / "motion.json"
    found = moving_clips(clips, cache=cache)
    read = []
    monkeypatch.setattr(static_frames, "_mean_flows", lambda video: read.append(video) or [0.0, 0.0, 9.0, 9.0, 9.0])
    assert moving_clips(clips, cache=cache) == found
    assert not read
    os.utime(clips.videos[0][0], (0, 0))
    assert moving_clips(clips, cache=cache) == [2, 3]
    cache.write_text("cut")
    assert moving_clips(clips, cache=cache) == [2, 3]
    assert len(read) == 2


def run(*arguments):
    return CliRunner().invoke(main, ["train-depth", *map(str, arguments)])


def test_command_trains_on_folders(stereo_video, tmp_path):
    out = tmp_path / "depth.pth"
    result = run(
        "--frames",
        stereo_video / "left",
        "--right",
        stereo_video / "right",
        "--mode",
        "mono+stereo",
        "--intrinsics",
        "60,60,47.5,31.5",
        "--baseline",
        "0.5",
        "--out",
        out,
        *FLAGS,
    )
    assert result.exit_code == 0, result.output
    content = weights.load(out, "--depth-weights")
    assert (content["height"], content["width"], content["channel_width"], content["step"]) == (64, 96, 0.125, 2)
    assert Monodepth2Depth(out).size == (64, 96)


def test_command_trains_on_the_kitti_layout(stereo_video, tmp_path):
    training = tmp_path / "training"
    for side, name in (("left", "image_02"), ("right", "image_03")):
        shutil.copytree(stereo_video / side, training / name / "0003")
    (training / "calib").mkdir()
    calibration = training / "calib" / "0003.txt"
    calibration.write_text("P2: 60 0 47.5 6 0 60 31.5 0 0 0 1 0\nP3: 60 0 47.5 -24 0 60 31.5 0 0 0 1 0\n")
    sources = {
        "root": ["--dataset", "kitti", "--root", tmp_path, "--sequences", "0003"],
        "calib": ["--frames", training / "image_02", "--right", training / "image_03", "--calib", calibration],
    }
    for name, source in sources.items():
        out = tmp_path / f"{name}.pth"
        result = run(*source, "--mode", "stereo", "--out", out, *FLAGS)
        assert result.exit_code == 0, result.output
        assert weights.load(out, "--depth-weights")["metres_per_unit"] == pytest.approx(0.5 / 0.1)


def test_command_validates_logs_and_resumes(stereo_video, tmp_path, monkeypatch, caplog):
    """An interrupted run and its resumption give the weights of a whole run."""
    caplog.set_level(logging.INFO)
    truth = tmp_path / "truth" / "left"
    truth.mkdir(parents=True)
    for path in (stereo_video / "left").iterdir():
        np.save(truth / f"{path.stem}.npy", np.full(SIZE, 5.0, np.float32))
    flags = [
        "--frames",
        stereo_video / "left",
        "--right",
        stereo_video / "right",
        "--intrinsics",
        "60,60,47.5,31.5",
        "--baseline",
        "0.5",
        "--mode",
        "stereo",
        "--validation-share",
        "0.4",
        "--truth",
        truth.parent,
        *FLAGS[:-2],
    ]
    whole, cut = tmp_path / "whole.pth", tmp_path / "cut.pth"
    result = run(*flags, "--epochs", "2", "--out", whole)
    assert result.exit_code == 0, result.output
    assert "abs_rel" in caplog.text
    assert {path.suffix for path in (tmp_path / "whole_log").iterdir()} >= {".png"}
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 1)
    plain = DepthTrainer.loss

    def killed(trainer, batch, step):
        if step == 2:
            raise FloatingPointError("killed")
        return plain(trainer, batch, step)

    monkeypatch.setattr(DepthTrainer, "loss", killed)
    assert run(*flags, "--epochs", "2", "--no-log", "--out", cut).exit_code == 1
    monkeypatch.setattr(DepthTrainer, "loss", plain)
    assert run(*flags, "--epochs", "2", "--no-log", "--out", cut, "--resume").exit_code == 0
    states = [weights.load(path, "--out")["state"] for path in (whole, cut)]
    assert all(torch.equal(value, states[1][key]) for key, value in states[0].items())
    assert not (tmp_path / "cut_log").exists()


def test_unknown_camera_is_said(stereo_video, tmp_path, caplog):
    result = run("--frames", stereo_video / "left", "--out", tmp_path / "depth.pth", *FLAGS)
    assert result.exit_code == 0, result.output
    assert "`intrinsics=` names one" in caplog.text  # the terminal shows the flag
    assert "--encoder-weights" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param([], "--frames, --dataset, --kitti-raw or --nyu", id="nothing to train on"),
        pytest.param(["--frames", "LEFT", "--nyu", "NONE"], "--nyu", id="video and pictures"),
        pytest.param(["--nyu", "NONE"], "nyu_depth_v2_labeled.mat", id="no pictures"),
        pytest.param(["--dataset", "kitti", "--root", "NONE"], "image_02", id="no such data set"),
        pytest.param(["--frames", "NONE"], "--frames", id="no such folder"),
        pytest.param(["--frames", "LEFT", "--mode", "stereo"], "--right", id="stereo without right frames"),
        pytest.param(["--frames", "LEFT", "--right", "LEFT", "--mode", "stereo"], "--baseline", id="no baseline"),
        pytest.param(
            [
                "--frames",
                "LEFT",
                "--right",
                "SHORT",
                "--mode",
                "stereo",
                "--intrinsics",
                "60,60,47,31",
                "--baseline",
                "0.5",
            ],
            "6 right frames",
            id="fewer right frames",
        ),
        pytest.param(["--frames", "LEFT", "--right", "RIGHT", "--right", "SHORT"], "--right", id="more right folders"),
        pytest.param(["--frames", "SHORT"], "at least 3 frames", id="video too short"),
        pytest.param(["--frames", "LEFT", "--intrinsics", "60,60"], "--intrinsics", id="half a camera"),
        pytest.param(["--frames", "LEFT", "--intrinsics", "-60,60,1,1"], "positive", id="negative focal length"),
        pytest.param(["--frames", "LEFT", "--intrinsics", "6,6,1,1", "--baseline", "-1"], "--baseline", id="baseline"),
        pytest.param(["--frames", "LEFT", "--baseline", "0.5"], "--intrinsics", id="baseline without a camera"),
        pytest.param(["--frames", "LEFT", "--calib", "NONE"], "calib", id="no calibration file"),
        pytest.param(["--frames", "LEFT", "--height", "100"], "multiple of 32", id="odd size"),
        pytest.param(["--frames", "LEFT", "--height", "32"], "at least 64", id="no room to reflect"),
        pytest.param(["--frames", "LEFT", "--channel-width", "0"], "--channel-width", id="no channels"),
        pytest.param(["--frames", "LEFT", "--encoder-weights", "NONE"], "--encoder-weights", id="no encoder weights"),
        pytest.param(["--frames", "LEFT", "--epochs", "2"], "--steps", id="steps and epochs"),
        pytest.param(["--frames", "LEFT", "--no-log", "--log-dir", "NONE"], "--log-dir", id="log and no log"),
        pytest.param(["--frames", "LEFT", "--resume"], "--resume", id="nothing to resume"),
        pytest.param(["--frames", "LEFT", "--truth", "NONE"], "--truth", id="no truth"),
        pytest.param(
            ["--frames", "LEFT", "--truth", "RIGHT", "--validation-share", "0.3"], "held-out", id="other truth"
        ),
        pytest.param(["--frames", "LEFT", "--validation-share", "0.9"], "--validation-share", id="all held out"),
        pytest.param(["--frames", "LEFT", "--init", "NONE"], "--init", id="no weights to start from"),
        pytest.param(["--frames", "LEFT", "--device", "quantum"], "--device", id="unknown device"),
        pytest.param(["--frames", "LEFT", "--device", "cuda:7"], "--device", id="absent device"),
    ],
)
def test_bad_input_exits_with_2(stereo_video, tmp_path, arguments, named):
    short = tmp_path / "short"
    short.mkdir()
    for name in ("000000.png", "000001.png"):
        (short / name).write_bytes((stereo_video / "right" / name).read_bytes())
    places = {"LEFT": stereo_video / "left", "RIGHT": stereo_video / "right", "SHORT": short, "NONE": tmp_path / "none"}
    out = tmp_path / "depth.pth"
    result = run(*FLAGS, *(places.get(argument, argument) for argument in arguments), "--out", out)
    assert result.exit_code == 2, result.output
    assert named in result.output
    assert not out.exists()


def test_broken_frame_names_the_file(stereo_video, tmp_path):
    frames = tmp_path / "left"
    frames.mkdir()
    for path in (stereo_video / "left").iterdir():
        (frames / path.name).write_bytes(path.read_bytes())
    (frames / "000003.png").write_bytes(b"cut")
    result = run("--frames", frames, "--out", tmp_path / "depth.pth", *FLAGS)
    assert result.exit_code == 2
    assert "000003.png" in result.output
