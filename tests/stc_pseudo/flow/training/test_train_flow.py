import re

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from pipelines.checks.device_waits import NoWaiting
from stc_pseudo.cli import main
from stc_pseudo.datasets.flow_maps import write_kitti_flow
from stc_pseudo.flow.checkpoint import describe, load_network
from stc_pseudo.flow.training.clips import FlowClips, find_truth
from stc_pseudo.flow.training.trainer import FlowTrainer, FlowTraining
from stc_pseudo.flow.upflow import UPFlow
from stc_pseudo.nn import weights
from stc_pseudo.training.settings import OptimiserSettings


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Three frames of a texture that moves right by four pixels a frame."""
    folder = tmp_path_factory.mktemp("video")
    noise = np.random.default_rng(0).integers(0, 256, (64, 140, 3), np.uint8)
    scene = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
    for i in range(3):
        cv2.imwrite(str(folder / f"{i:06d}.png"), scene[:, 12 - 4 * i : 140 - 4 * i])
    return folder


def train(*flags):
    return CliRunner().invoke(main, ["train-flow", *map(str, flags)])


def test_command_writes_weights_that_load_and_train_on(video, tmp_path):
    out = tmp_path / "flow.pth"
    size = ["--height", 64, "--width", 128, "--batch-size", 2]
    result = train("--frames", video, "--out", out, *size, "--steps", 2, "--half", "--no-log")
    assert result.exit_code == 0, result.output
    assert list(tmp_path.iterdir()) == [out]
    network, recorded, _ = load_network(out, "--flow-weights")
    assert recorded == (64, 128)
    assert out.stat().st_size < 8e6
    result = train(
        "--frames",
        video,
        "--out",
        tmp_path / "on.pth",
        "--init",
        out,
        "--learning-rate",
        1e-9,
        *size,
        "--steps",
        1,
        "--precision",
        "bfloat16",
    )
    assert result.exit_code == 0, result.output
    again = load_network(tmp_path / "on.pth", "--flow-weights").network
    for key, value in again.state_dict().items():
        torch.testing.assert_close(value, network.state_dict()[key], atol=1e-6, rtol=0)


@pytest.fixture(scope="module")
def true_flow(video, tmp_path_factory):
    """The flow of the video's first frame."""
    folder = tmp_path_factory.mktemp("flow")
    (folder / video.name).mkdir()
    flow = np.zeros((2, 64, 128), np.float32)
    flow[0] = 4
    write_kitti_flow(folder / video.name / "000000.png", flow)
    return folder


@pytest.mark.parametrize(
    "flags",
    [["--true-flow", "FLOW"], ["--true-flow", "FLOW", "--coarse-share", 1, "--robust"], [], ["--warm-up-steps", 1]],
    ids=["true flow", "coarse", "unsupervised", "warm-up"],
)
def test_command_trains_from_a_classical_start(video, true_flow, tmp_path, flags):
    out = tmp_path / "flow.pth"
    result = train(
        "--frames",
        video,
        "--out",
        out,
        "--height",
        64,
        "--width",
        128,
        "--batch-size",
        1,
        "--steps",
        1,
        "--start",
        "dis",
        "--no-log",
        "--validation-share",
        0,
        *(true_flow if flag == "FLOW" else flag for flag in flags),
    )
    assert result.exit_code == 0, result.output
    assert load_network(out, "--flow-weights").start == "dis"


def test_start_goes_on_with_the_weights_that_have_it(video, tmp_path):
    weights.save(tmp_path / "first.pth", describe((64, 128), "dis") | {"state": UPFlow().state_dict()})
    result = train(
        "--frames",
        video,
        "--out",
        tmp_path / "on.pth",
        "--height",
        64,
        "--width",
        128,
        "--steps",
        1,
        "--init",
        tmp_path / "first.pth",
        "--no-log",
        "--validation-share",
        0,
    )
    assert result.exit_code == 0, result.output
    assert load_network(tmp_path / "on.pth", "--flow-weights").start == "dis"


def test_learning_from_true_flow_lowers_its_error(video, true_flow):
    clips = FlowClips(
        [sorted(video.iterdir())],
        (64, 128),
        augment=False,
        truth=find_truth([sorted(video.iterdir())], true_flow, "--true-flow"),
    )
    batch = {key: value[None] for key, value in clips[0].items() if torch.is_tensor(value)}
    torch.manual_seed(0)
    network = UPFlow()
    trainer = FlowTrainer(network, FlowTraining(height=64, width=128))
    optimizer = torch.optim.Adam(network.parameters(), 3e-4)
    errors = []
    for step in range(12):
        value, figures = trainer.loss(batch, step)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        errors.append(float(figures["true_epe"]))
    assert errors[0] == pytest.approx(4, abs=0.5)
    assert errors[-1] < 0.7 * errors[0]


@pytest.mark.parametrize("kind", ["warm-up", "unsupervised", "true flow"])
def test_a_step_never_waits_for_the_device(video, true_flow, kind):
    paths = sorted(video.iterdir())
    known = find_truth([paths], true_flow, "--true-flow") if kind == "true flow" else None
    item = FlowClips([paths], (64, 128), truth=known)[0]
    batch = {key: value[None] for key, value in item.items() if torch.is_tensor(value)}
    trainer = FlowTrainer(UPFlow(), FlowTraining(height=64, width=128, warm_up_steps=int(kind == "warm-up")))
    with NoWaiting():
        value, figures = trainer.loss(batch, 0)
        value.backward()
    assert {figure.shape for figure in figures.values()} == {()}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_few_steps_lower_the_loss(video, precision):
    settings = FlowTraining(height=64, width=128, optimiser=OptimiserSettings(precision=precision))
    frames = [cv2.imread(str(path))[..., ::-1].copy() for path in sorted(video.iterdir())[:2]]
    clip = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)[None].float() / 255
    torch.manual_seed(0)
    network = UPFlow()
    trainer = FlowTrainer(network, settings)
    optimizer = torch.optim.Adam(network.parameters(), 3e-4)
    losses = []
    for step in range(25):
        value, figures = trainer.loss({"frames": clip, "augmented": clip}, step)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
        assert 0 < figures["seen"] <= 1
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:3])


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ([], "either --frames or --dataset, found neither"),
        (["--frames", "VIDEO", "--dataset", "kitti"], "found both"),
        (["--dataset", "kitti", "--root", "nowhere"], "nowhere.*--root names"),
        (["--frames", "nowhere"], "nowhere: expected a folder of frames.*--frames"),
        (["--frames", "VIDEO", "--height", "100"], "--height: expected a multiple of 32"),
        (["--frames", "VIDEO", "--width", "32"], "--width: expected a multiple of 32, at least 64"),
        (["--frames", "VIDEO", "--init", "nowhere.pth"], "nowhere.pth: .*--init"),
        (["--frames", "VIDEO", "--robust"], "--robust: expected --true-flow"),
        (["--frames", "VIDEO", "--true-flow", "nowhere"], "nowhere: .*--true-flow"),
        (["--frames", "SINGLE"], "videos of at least 2 frames"),
        (["--frames", "VIDEO", "--steps", "0"], "--steps"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_ends_with_2_and_one_message(video, tmp_path, flags, told):
    single = tmp_path / "single"
    single.mkdir()
    (single / "0.png").write_bytes((video / "000000.png").read_bytes())
    names = {"VIDEO": str(video), "SINGLE": str(single)}
    result = train("--out", tmp_path / "flow.pth", *(names.get(flag, flag) for flag in flags))
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert re.search(told, result.output), result.output
    assert not (tmp_path / "flow.pth").exists()
