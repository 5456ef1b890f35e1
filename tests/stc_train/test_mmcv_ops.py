"""torchvision's operators under mmcv's signatures, against plain loops."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from stc_train import mmcv_ops

SERVED_BY_US = mmcv_ops.install()


def random_boxes(generator: np.random.Generator, count: int) -> np.ndarray:
    corner = generator.uniform(0, 20, (count, 2))
    return np.concatenate([corner, corner + generator.uniform(1, 15, (count, 2))], 1).astype(np.float32)


def iou(a, b, offset: int) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]) + offset)
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]) + offset)
    area = [(box[2] - box[0] + offset) * (box[3] - box[1] + offset) for box in (a, b)]
    return width * height / (sum(area) - width * height)


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("count", [0, 1, 40])
def test_nms_equals_the_greedy_loop(count, offset):
    from mmcv.ops import nms

    generator = np.random.default_rng(count)
    boxes, scores = random_boxes(generator, count), generator.permutation(count).astype(np.float32)
    kept = []
    for i in np.argsort(-scores):
        if all(iou(boxes[i], boxes[j], offset) <= 0.3 for j in kept):
            kept.append(i)
    dets, positions = nms(torch.from_numpy(boxes), torch.from_numpy(scores), 0.3, offset=offset)
    assert positions.tolist() == kept
    np.testing.assert_array_equal(dets[:, :4].numpy(), boxes[kept])
    assert count < 40 or 1 < len(kept) < count


@pytest.mark.parametrize("method", ["naive", "linear", "gaussian"])
@pytest.mark.parametrize("offset", [0, 1])
def test_soft_nms_equals_the_loop(method, offset):
    from mmcv.ops import soft_nms

    generator = np.random.default_rng(3)
    boxes, scores = random_boxes(generator, 30), generator.uniform(0.1, 1, 30).astype(np.float32)
    left, decayed, expected = list(range(30)), scores.astype(float), []
    while left:
        best = max(left, key=lambda i: decayed[i])
        expected.append((best, decayed[best]))
        left.remove(best)
        for i in list(left):
            overlap = iou(boxes[i], boxes[best], offset)
            if method == "gaussian":
                decayed[i] *= math.exp(-(overlap**2) / 0.5)
            elif overlap >= 0.3:
                decayed[i] *= 1 - overlap if method == "linear" else 0
            if decayed[i] < 0.2:
                left.remove(i)
    dets, positions = soft_nms(torch.from_numpy(boxes), torch.from_numpy(scores), 0.3, 0.5, 0.2, method, offset)
    assert positions.tolist() == [i for i, _ in expected]
    np.testing.assert_allclose(dets[:, 4], [score for _, score in expected], rtol=1e-5)
    np.testing.assert_array_equal(dets[:, :4].numpy(), boxes[positions])
    assert 1 < len(expected) < 30


@pytest.mark.parametrize("weighted", [False, True])
def test_focal_loss_equals_its_formula_and_its_derivative(weighted):
    from mmcv.ops import sigmoid_focal_loss

    generator = torch.Generator().manual_seed(0)
    logits = (3 * torch.randn(6, 4, generator=generator, dtype=torch.float64)).requires_grad_()
    target = torch.tensor([0, 1, 2, 3, 1, 0 if weighted else 4])  # 4 is background
    weight = torch.tensor([1.0, 2.0, 0.5, 3.0], dtype=torch.float64) if weighted else None
    expected = np.zeros((6, 4))
    for n in range(6):
        for c in range(4):
            p = 1 / (1 + math.exp(-logits[n, c].item()))
            hit = target[n].item() == c
            loss = -0.25 * (1 - p) ** 1.5 * math.log(p) if hit else -0.75 * p**1.5 * math.log(1 - p)
            expected[n, c] = loss * (weight[target[n]].item() if weighted else 1)
    loss = sigmoid_focal_loss(logits, target, 1.5, 0.25, weight, "none")
    np.testing.assert_allclose(loss.detach(), expected, rtol=1e-10)
    assert torch.autograd.gradcheck(lambda x: sigmoid_focal_loss(x, target, 1.5, 0.25, weight, "none").sum(), logits)


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float32], ids=["float16", "bfloat16", "float32"]
)
def test_focal_loss_is_finite_for_any_logit(dtype):
    from mmcv.ops import sigmoid_focal_loss

    logits = torch.tensor([[-200.0, 200.0], [200.0, -200.0]], dtype=dtype, requires_grad=True)
    loss = sigmoid_focal_loss(logits, torch.tensor([0, 2]), 2.0, 0.25, None, "none")
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(logits.grad).all()


def bilinear(plane: np.ndarray, y: float, x: float) -> float:
    height, width = plane.shape
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    return (1 - (y - top)) * ((1 - (x - left)) * plane[top, left] + (x - left) * plane[top, right]) + (y - top) * (
        (1 - (x - left)) * plane[bottom, left] + (x - left) * plane[bottom, right]
    )


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("samples", [0, 2])
def test_roi_align_equals_the_loop(aligned, samples):
    from mmcv.ops import roi_align

    generator = torch.Generator().manual_seed(1)
    maps = torch.randn(2, 2, 7, 9, generator=generator, dtype=torch.float64)
    rois = torch.tensor([[0, 1.0, 2.0, 11.5, 9.0], [1, 4.0, 0.0, 17.0, 13.0]], dtype=torch.float64)
    expected = np.zeros((2, 2, 2, 3))
    for k, (image, *corners) in enumerate(rois.tolist()):
        x1, y1, x2, y2 = (c * 0.5 - 0.5 * aligned for c in corners)
        bin_height, bin_width = (y2 - y1) / 2, (x2 - x1) / 3
        rows, columns = (samples, samples) if samples else (math.ceil(bin_height), math.ceil(bin_width))
        for c in range(2):
            for i in range(2):
                for j in range(3):
                    expected[k, c, i, j] = np.mean(
                        [
                            bilinear(
                                maps[int(image), c].numpy(),
                                y1 + (i + (a + 0.5) / rows) * bin_height,
                                x1 + (j + (b + 0.5) / columns) * bin_width,
                            )
                            for a in range(rows)
                            for b in range(columns)
                        ]
                    )
    pooled = roi_align(maps, rois, (2, 3), 0.5, samples, "avg", aligned)
    np.testing.assert_allclose(pooled, expected, rtol=1e-9)
    maps.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: roi_align(x, rois, (2, 3), 0.5, samples, "avg", aligned), maps)


@pytest.mark.skipif(not SERVED_BY_US, reason="mmcv has its compiled operators here")
def test_roi_align_in_half_precision():
    from mmcv.ops import roi_align

    wide = torch.randn(1, 2, 7, 9, generator=torch.Generator().manual_seed(1), requires_grad=True)
    half = wide.detach().to(torch.bfloat16).requires_grad_()
    rois = torch.tensor([[0, 1.0, 2.0, 11.5, 9.0]])  # which bfloat16 has exactly
    for maps in (wide, half):
        roi_align(maps, rois.to(maps.dtype), (2, 3), 0.5, 2, "avg", True).sum().backward()
    torch.testing.assert_close(half.grad.float(), wide.grad, rtol=0.02, atol=0.01)


@pytest.mark.skipif(not SERVED_BY_US, reason="mmcv has its compiled operators here")
def test_what_is_not_served_says_its_name():
    from mmcv.ops import DeformConv2d, roi_align

    image = torch.zeros(1, 1, 8, 8)
    with pytest.raises(NotImplementedError, match="deform_conv_forward"):
        DeformConv2d(1, 1, 3, padding=1)(image, torch.zeros(1, 18, 8, 8))
    with pytest.raises(NotImplementedError, match="max"):
        roi_align(image, torch.tensor([[0, 0.0, 0.0, 4.0, 4.0]]), 2, 1.0, 0, "max", True)


COMPILED = """
import sys, types
stand_in = types.ModuleType("mmcv._ext")
sys.meta_path.insert(0, type("Finder", (), {"find_spec": staticmethod(
    lambda name, path=None, target=None: __import__("importlib.machinery").machinery.ModuleSpec(
        name, type("Loader", (), {"create_module": staticmethod(lambda spec: stand_in),
                                  "exec_module": staticmethod(lambda module: None)}))
    if name == "mmcv._ext" else None)}))
from stc_train import mmcv_ops
assert mmcv_ops.install() is False
assert sys.modules["mmcv._ext"] is stand_in
"""


def test_a_compiled_extension_is_left_in_place():
    subprocess.run([sys.executable, "-c", COMPILED], check=True)
