import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import ResNet18_Weights, resnet18, resnet50

from stc_pseudo.nn.efficientnet_lite import EfficientNetLite0, SameConv, lite0_installed
from stc_pseudo.refine.encoder import make_encoder
from stc_track.io.errors import InputError

REAL = Path(os.environ.get("STC_REAL_DATA", "../shared/real"))
needs_weights = pytest.mark.skipif(
    not lite0_installed(), reason="the weights of the extra `pretrained` are not installed"
)


@pytest.mark.parametrize(
    ("side", "kernel", "stride"),
    [(8, 3, 2), (7, 3, 2), (8, 5, 2), (9, 5, 2), (8, 3, 1), (6, 5, 1)],
    ids=[
        "even, 3, stride 2",
        "odd, 3, stride 2",
        "even, 5, stride 2",
        "odd, 5, stride 2",
        "3, stride 1",
        "5, stride 1",
    ],
)
def test_same_padding_is_tensorflows(side, kernel, stride):
    # output i sees the inputs from i * stride - before on; what is missing is shared, the odd one goes last
    x = torch.rand(1, 1, side, side)
    convolution = SameConv(1, 1, kernel, stride)
    missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    y = convolution(x)
    assert y.shape[-1] == -(-side // stride)
    i, j = 0, y.shape[-1] - 1
    total = 0.0
    for a in range(kernel):
        for b in range(kernel):
            row, column = i * stride - missing // 2 + a, j * stride - missing // 2 + b
            if 0 <= row < side and 0 <= column < side:
                total += float(convolution.weight.detach()[0, 0, a, b] * x[0, 0, row, column])
    assert y.detach()[0, 0, i, j].item() == pytest.approx(total, abs=1e-5)


def test_features_are_the_last_of_each_stride():
    encoder = make_encoder("scratch")
    features = encoder(torch.zeros(2, 3, 96, 96, dtype=torch.uint8))
    assert [tuple(level.shape) for level in features] == [
        (2, channels, 96 // stride, 96 // stride)
        for channels, stride in zip((16, 24, 40, 112, 192), (2, 4, 8, 16, 32), strict=True)
    ]
    assert sum(p.numel() for p in EfficientNetLite0().parameters()) == 4_652_008  # as published: 4.7 M


@needs_weights
def test_published_weights_fit_key_by_key():
    encoder = make_encoder("efficientnet-lite0")
    assert encoder.fingerprint.startswith("efficientnet-lite0-57934424.pth ")
    assert not any(p.requires_grad for p in encoder.parameters())


@needs_weights
@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "frame", "among"),
    [
        pytest.param("blackswan", 5, {"black swan"}, id="swan"),
        pytest.param("cows", 20, {"ox", "water buffalo"}, id="cows"),
        pytest.param("dog", 10, {"golden retriever", "clumber", "English setter", "Brittany spaniel"}, id="dog"),
    ],
)
def test_published_weights_know_what_is_on_real_crops(name, frame, among):
    folder = REAL / "davis" / name
    if not folder.is_dir():
        pytest.skip(f"no real video in {REAL}")
    picture = cv2.imread(str(folder / f"images/{frame:05d}.jpg"))[..., ::-1]
    rows, columns = np.nonzero(cv2.imread(str(folder / f"masks/{frame:05d}.png"), 0))
    crop = np.ascontiguousarray(picture[rows.min() : rows.max(), columns.min() : columns.max()])
    crop = torch.from_numpy(cv2.resize(crop, (224, 224), interpolation=cv2.INTER_AREA)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        best = int(make_encoder("efficientnet-lite0").network(crop).argmax())
    assert ResNet18_Weights.DEFAULT.meta["categories"][best] in among


@pytest.mark.parametrize(("make", "channels"), [(resnet18, 64), (resnet50, 256)], ids=["ResNet-18", "ResNet-50"])
def test_torchvision_resnets_by_path(tmp_path, make, channels):
    torch.manual_seed(0)
    network = make().eval()
    torch.save(network.state_dict(), tmp_path / "resnet.pth")
    encoder = make_encoder(str(tmp_path / "resnet.pth"))
    assert encoder.channels[:2] == (64, channels)
    picture = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    last = encoder(picture)[-1].float()
    scaled = (picture / 255 - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[
        :, None, None
    ]
    network.avgpool, network.fc = nn.Identity(), nn.Identity()
    with torch.inference_mode():
        expected = network(scaled).reshape(last.shape)
    torch.testing.assert_close(last, expected, rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            {"weight": torch.zeros(3)}, "weights of efficientnet-lite0 or of torchvision's resnet18", id="other keys"
        ),
        pytest.param({"_conv_stem.weight": torch.zeros(32, 3, 3, 3)}, "with key '_bn0.weight'", id="only a stem"),
        pytest.param(
            {k: v for k, v in resnet18().state_dict().items() if k != "bn1.bias"},
            "with key 'bn1.bias'",
            id="a key missing",
        ),
        pytest.param({"weight": nn.Linear(1, 1)}, "a checkpoint of plain tensors", id="a pickled module"),
    ],
)
def test_weights_that_do_not_fit(tmp_path, content, message):
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(InputError, match=message):
        make_encoder(str(tmp_path / "weights.pth"))


def test_no_file_of_weights(tmp_path):
    with pytest.raises(InputError, match="`init_backbone="):
        make_encoder(str(tmp_path / "none.pth"))
