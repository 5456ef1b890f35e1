"""The exported graph gives what the network gives, in a process that knows nothing of this project."""

import subprocess
import sys

import pytest
import torch
from click.testing import CliRunner

from stc_train.commands.export import main as export_command

ALONE = """
import sys, torch, torchvision
program = torch.export.load(sys.argv[1]).module()
picture = torch.load(sys.argv[2], weights_only=True)
torch.save(program(picture), sys.argv[3])
assert not [name for name in sys.modules if name.startswith(("mmdet", "mmcv", "mmengine", "stc_"))]
"""


@pytest.fixture(scope="module")
def model_path(tmp_path_factory):
    """An untrained small model whose scores differ from place to place."""
    import stc_train.registry  # noqa: F401, I001
    from mmdet.utils import register_all_modules
    from mmengine.config import ConfigDict
    from mmengine.registry import MODELS

    from stc_train.models import model_file
    from stc_train.engine.train import load_config

    register_all_modules(init_default_scope=True)
    torch.manual_seed(0)
    config = load_config("condinst_r18_demo")
    network = MODELS.build(ConfigDict(config.model.to_dict()))
    for parameter in network.parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter)
    path = tmp_path_factory.mktemp("model") / "model.pth"
    model_file.save(path, network, config, {1: "car", 2: "pedestrian"}, "", 0)
    return path


def test_the_export_equals_the_network(model_path, tmp_path):
    from mmdet.structures import DetDataSample

    from stc_train.inference.predict import set_threshold
    from stc_train.models import model_file

    result = CliRunner().invoke(
        export_command,
        [str(model_path), "--out", str(tmp_path / "model.pt2"), "--size", "90x150", "--score-threshold", "0.3"],
        catch_exceptions=False,
    )
    assert result.exit_code == 0, result.output
    picture = torch.randint(0, 256, (3, 90, 150), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    torch.save(picture, tmp_path / "picture.pt")
    subprocess.run(
        [sys.executable, "-c", ALONE, tmp_path / "model.pt2", tmp_path / "picture.pt", tmp_path / "found.pt"],
        check=True,
        cwd=tmp_path,
    )
    boxes, scores, labels, masks = torch.load(tmp_path / "found.pt", weights_only=True)

    network = model_file.load(model_path, "").network
    set_threshold(network, 0.3)
    sample = DetDataSample(
        metainfo={
            "img_shape": (90, 150),
            "ori_shape": (90, 150),
            "scale_factor": (1.0, 1.0),
            "batch_input_shape": (96, 160),
        }
    )
    with torch.inference_mode():
        data = network.data_preprocessor({"inputs": [picture], "data_samples": [sample]})
        levels = network.extract_feat(data["inputs"])
        network.bbox_head.test_cfg.nms_pre = 10_000  # per level; the export's limit is for all levels
        expected = network.bbox_head.predict(levels, data["data_samples"])[0]
        soft = network.mask_head(levels, [expected])[0][0].sigmoid()
    count = int((scores > 0).sum())
    assert count == len(expected) > 3
    assert len(scores) == 100
    torch.testing.assert_close(scores[:count], expected.scores, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(boxes[:count], expected.bboxes, atol=1e-3, rtol=1e-4)
    assert labels[:count].equal(expected.labels)
    assert masks.shape[1:] == (24, 40)
    assert ((masks[:count] > 0.5) != (soft > 0.5)).float().mean() < 1e-4


def test_bad_input_is_named(model_path, tmp_path):
    def run(*arguments):
        return CliRunner().invoke(export_command, [str(argument) for argument in arguments])

    for size in ("384", "0x10", "axb"):
        result = run(model_path, "--out", tmp_path / "m.pt2", "--size", size)
        assert result.exit_code == 2
        assert f"expected HEIGHTxWIDTH, as 384x1248, found '{size}'" in result.output
    assert run(tmp_path / "none.pth", "--out", tmp_path / "m.pt2", "--size", "96x160").exit_code == 2
    assert not (tmp_path / "m.pt2").exists()


def test_a_graph_for_another_device_names_no_cpu(model_path, tmp_path):
    """Moved to the device `meta`, which needs no hardware: weights, constants and every tensor that the graph makes."""
    from pathlib import Path

    from stc_train.inference.export import export, on_device
    from stc_train.models import model_file

    export(model_file.load(model_path, ""), Path(tmp_path / "model.pt2"), (64, 96), 0.3)
    program = on_device(torch.export.load(tmp_path / "model.pt2"), torch.device("meta"))
    named = {str(node.kwargs["device"]) for node in program.graph.nodes if node.kwargs.get("device") is not None}
    tensors = [*program.state_dict.values(), *program.constants.values()]
    assert named == {"meta"}
    assert {tensor.device.type for tensor in tensors if isinstance(tensor, torch.Tensor)} == {"meta"}


def test_a_device_that_is_not_here_is_refused(model_path, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is one")
    arguments = [str(model_path), "--out", str(tmp_path / "model.pt2"), "--size", "64x96", "--device", "cuda"]
    result = CliRunner().invoke(export_command, arguments)
    assert result.exit_code == 2
    assert "--device: expected a device that torch can use here, as cpu or cuda, found cuda" in result.output
    assert not (tmp_path / "model.pt2").exists()
