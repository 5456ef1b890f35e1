"""The puzzle loss against plain loops, its gradients, half precision, and MMDetection's BoxInst loss."""

import math

import numpy as np
import pytest
import torch

from stc_train.puzzle_loss import PuzzleLoss

DIRECTIONS = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]

DRAWN = """
. . . . . . . .
. b P P b b . .
. P P P P P . .
. b P P P b . .
. b P P b b . .
. . . . . . . .
"""


def drawn() -> tuple[torch.Tensor, torch.Tensor]:
    """Box and piece of the drawing above, (1, 6, 8) each."""
    rows = [line.split() for line in DRAWN.split("\n") if line]
    return (torch.tensor([[cell != "." for cell in row] for row in rows])[None],
            torch.tensor([[float(cell == "P") for cell in row] for row in rows])[None])


def example(dtype=torch.float64):
    """Three masks on two images: boxes, soft pieces (one empty), edges."""
    generator = torch.Generator().manual_seed(5)
    boxes, pieces = torch.zeros(3, 6, 8, dtype=torch.bool), torch.zeros(3, 6, 8, dtype=dtype)
    boxes[0], pieces[0] = (part[0] for part in drawn())
    boxes[1, 0:4, 3:8], boxes[2, 2:4, 1:3] = True, True
    pieces[1, 1:4, 4:7] = torch.rand(3, 3, generator=generator, dtype=dtype)
    edges = torch.rand(2, 8, 6, 8, generator=generator) < 0.5
    logits = 2 * torch.randn(3, 6, 8, generator=generator, dtype=dtype)
    return logits, boxes, pieces, edges, torch.tensor([0, 1, 1])


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def loop_box(logits, boxes, penalty: bool, inside=1.0, outside=1.0) -> float:
    total = 0.0
    for mask, box in zip(logits.tolist(), boxes.tolist(), strict=True):
        for turn in (lambda grid: list(zip(*grid, strict=True)), lambda grid: grid):
            p = [sigmoid(max(line)) for line in turn(mask)]
            g = [float(any(line)) for line in turn(box)]
            w = [inside if value else outside for value in g]
            overlap = sum(a * b * c for a, b, c in zip(w, p, g, strict=True))
            total += 1 - 2 * overlap / sum(a * (b * b + c * c) for a, b, c in zip(w, p, g, strict=True))
            if penalty:
                total += sum(a * max(b - c, 0) ** 2 for a, b, c in zip(w, p, g, strict=True)) / sum(g)
    return total / len(logits)


def loop_pixels(logits, boxes, pieces, negatives: bool, positive=1.0, negative=1.0) -> float:
    total = 0.0
    for mask, box, piece in zip(logits, boxes, pieces, strict=True):
        cells = 0.0
        for i, j in box.nonzero().tolist():
            p, m = sigmoid(mask[i, j].item()), piece[i, j].item()
            cells -= positive * m * math.log(p) + negatives * negative * (1 - m) * math.log(1 - p)
        total += cells / box.sum().item() * (piece.max() > 0).item()
    return total / len(logits)


def loop_dice(logits, pieces) -> float:
    total = 0.0
    for mask, piece in zip(logits, pieces, strict=True):
        p = mask.sigmoid()
        total += (1 - 2 * (p * piece).sum() / ((p**2).sum() + (piece**2).sum())).item() * (piece.max() > 0).item()
    return total / len(logits)


def loop_pairs(logits, boxes, edges, image, dilation: int) -> float:
    total = count = 0.0
    for n, mask in enumerate(logits):
        for i, j in boxes[n].nonzero().tolist():
            for d, (rows, columns) in enumerate(DIRECTIONS):
                a, b = i + dilation * rows, j + dilation * columns
                if 0 <= a < mask.shape[0] and 0 <= b < mask.shape[1] and edges[image[n], d, i, j]:
                    p, q = sigmoid(mask[i, j].item()), sigmoid(mask[a, b].item())
                    total -= math.log(p * q + (1 - p) * (1 - q))
                    count += 1
    return total / count


@pytest.mark.parametrize(("box_term", "inside", "outside"),
                         [("dice", 1, 1), ("dice_penalty", 1, 1), ("dice_penalty", 2.0, 0.25)])
def test_box_term_equals_the_loop(box_term, inside, outside):
    logits, boxes, pieces, *_ = example()
    loss = PuzzleLoss(box_term, "none", inside_weight=inside, outside_weight=outside)
    expected = loop_box(logits, boxes, box_term == "dice_penalty", inside, outside)
    assert loss(logits, boxes, pieces).box.item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (2.0, 0.5)], ids=["plain", "weighted"])
@pytest.mark.parametrize("boundary", ["pixel", "bce"])
def test_pixel_terms_equal_the_loop(boundary, weights):
    logits, boxes, pieces, *_ = example()
    loss = PuzzleLoss(boundary=boundary, positive_weight=weights[0], negative_weight=weights[1])
    terms = loss(logits, boxes, pieces)
    assert terms.boundary.item() == pytest.approx(loop_pixels(logits, boxes, pieces, boundary == "bce", *weights))
    assert terms.piece_share.item() == pytest.approx(
        np.mean([(m * b).sum().item() / b.sum().item() for m, b in zip(pieces, boxes, strict=True)]))


def test_dice_boundary_equals_the_loop():
    logits, boxes, pieces, *_ = example()
    assert PuzzleLoss(boundary="dice")(logits, boxes, pieces).boundary.item() == pytest.approx(
        loop_dice(logits, pieces), abs=1e-5)


@pytest.mark.parametrize("dilation", [1, 2, 7], ids=["near", "the paper's", "wider than the map"])
def test_pairwise_term_equals_the_loop(dilation):
    logits, boxes, pieces, edges, image = example()
    terms = PuzzleLoss(boundary="pairwise", dilation=dilation)(logits, boxes, pieces, edges, image)
    assert terms.boundary.item() == pytest.approx(loop_pairs(logits, boxes, edges, image, dilation))
    shares = [edges[b].double().mean(0)[box].mean().item() for b, box in zip(image, boxes, strict=True)]
    assert terms.kept_edge_share.item() == pytest.approx(np.mean(shares))


def test_pieces_beat_the_filled_box_and_the_filled_box_beats_nothing():
    boxes, pieces = drawn()
    filled, right, empty = ((12.0 * mask - 6) for mask in (boxes.double(), pieces, 0 * pieces))
    for boundary in ("bce", "dice"):
        value = {name: sum(PuzzleLoss(boundary=boundary)(logits, boxes, pieces)[:2]).item()
                 for name, logits in (("filled", filled), ("right", right), ("empty", empty))}
        assert value["right"] < value["filled"] < value["empty"]
    # Eq. 4 alone has no background inside the box, and the projections of both masks fit: it cannot tell them apart.
    pixel = PuzzleLoss(boundary="pixel")
    values = [sum(pixel(logits, boxes, pieces)[:2]).item() for logits in (filled, right)]
    assert values[0] == pytest.approx(values[1], abs=1e-4)


BOUNDARIES = ["pixel", "bce", "dice", "pairwise", "none"]


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("box_term", ["dice", "dice_penalty"])
def test_gradients(boundary, box_term):
    logits, *rest = example()
    loss = PuzzleLoss(box_term, boundary, positive_weight=1.5, outside_weight=0.5)
    assert torch.autograd.gradcheck(lambda x: sum(loss(x, *rest)[:2]), logits.requires_grad_())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_half_precision_is_finite_and_near(boundary, dtype):
    logits, boxes, pieces, edges, image = example(torch.float32)
    loss = PuzzleLoss(boundary=boundary)
    for scale in (1, 1000):  # 65504 is float16's largest
        rough = (scale * logits).to(dtype).requires_grad_()
        terms = loss(rough, boxes, pieces.to(dtype), edges, image)
        (terms.box + terms.boundary).backward()
        assert torch.isfinite(terms.box + terms.boundary)
        assert torch.isfinite(rough.grad).all()
        wide = loss(scale * logits, boxes, pieces, edges, image)
        assert (terms.box + terms.boundary).item() == pytest.approx((wide.box + wide.boundary).item(), rel=0.02)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_no_masks_give_zero_with_a_graph(boundary):
    logits = torch.zeros(0, 6, 8, requires_grad=True)
    none = torch.zeros(0, 6, 8)
    terms = PuzzleLoss(boundary=boundary)(logits, none.bool(), none, torch.ones(2, 8, 6, 8, dtype=torch.bool),
                                          torch.zeros(0, dtype=torch.int64))
    (terms.box + terms.boundary).backward()
    assert terms.box.item() == terms.boundary.item() == 0
    assert logits.grad.shape == logits.shape


@pytest.mark.parametrize("boundary", ["pixel", "bce", "dice"])
def test_a_box_without_a_piece_says_nothing_about_its_inside(boundary):
    logits, boxes, pieces, *_ = example()
    logits.requires_grad_()
    PuzzleLoss(boundary=boundary)(logits, boxes, pieces).boundary.backward()
    assert logits.grad[2].abs().max() == 0
    assert logits.grad[0].abs().max() > 0


def test_settings_are_checked():
    with pytest.raises(ValueError, match="boundary must be one of pixel, bce"):
        PuzzleLoss(boundary="pixels")


def test_equals_boxinst_with_its_colour_edges():
    """On the same logits, with colour similarity as the only cue: MMDetection's terms to 1e-5."""
    from mmdet.models.data_preprocessors.data_preprocessor import BoxInstDataPreprocessor
    from mmdet.registry import MODELS
    from mmdet.structures.mask import BitmapMasks
    from mmdet.utils import register_all_modules
    from mmengine.logging import MessageHub
    from mmengine.structures import InstanceData

    register_all_modules(init_default_scope=True)
    generator = torch.Generator().manual_seed(2)
    head = MODELS.build({
        "type": "BoxInstMaskHead", "num_layers": 3, "feat_channels": 16, "mask_out_stride": 4, "warmup_iters": 1,
        "mask_feature_head": {"in_channels": 8, "feat_channels": 8, "start_level": 0, "end_level": 2,
                              "out_channels": 16, "mask_stride": 8, "norm_cfg": {"type": "BN"}},
        "loss_mask": {"type": "DiceLoss", "use_sigmoid": True, "activate": True, "eps": 5e-6, "loss_weight": 1.0}})
    MessageHub.get_current_instance().update_info("iter", 100)
    preprocessor = BoxInstDataPreprocessor(mask_stride=4, pairwise_size=3, pairwise_dilation=2)
    corners = [[(8, 12, 40, 50), (50, 0, 96, 64)], [(4, 4, 88, 60)]]  # x1 y1 x2 y2 of the boxes of two images
    predictions, instances, positives, edges = [], [], [], []
    for image_boxes in corners:
        colours = torch.nn.functional.interpolate(40 * torch.randn(1, 3, 4, 6, generator=generator), (16, 24))
        similarity = preprocessor.get_images_color_similarity(colours, torch.ones(16, 24))[0]
        edges.append(similarity >= 0.3)
        masks = np.zeros((len(image_boxes), 64, 96), np.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, image_boxes, strict=True):
            mask[y1:y2, x1:x2] = 1
        instances.append(InstanceData(bboxes=torch.tensor(image_boxes).float(), masks=BitmapMasks(masks, 64, 96),
                                      pairwise_masks=edges[-1].float()[None].repeat(len(masks), 1, 1, 1)))
        assigned = torch.arange(len(masks)).repeat(3)
        predictions.append(3 * torch.randn(len(assigned), 16, 24, generator=generator))
        positives.append(InstanceData(pos_assigned_gt_inds=assigned, scores=torch.zeros(len(assigned), 2),
                                      centernesses=torch.zeros(len(assigned), 1)))
    theirs = head.loss_by_feat(predictions, instances, [{}, {}], positives)
    boxes = torch.cat([torch.from_numpy(gt.masks.masks[:, 2::4, 2::4]).bool()[info.pos_assigned_gt_inds]
                       for gt, info in zip(instances, positives, strict=True)])
    ours = PuzzleLoss("dice", "pairwise", dilation=2)(
        torch.cat(predictions), boxes, 0 * boxes, torch.stack(edges),
        torch.cat([torch.full((len(masks),), k) for k, masks in enumerate(predictions)]))
    assert 0.1 < ours.kept_edge_share < 0.9
    assert ours.boundary.item() == pytest.approx(theirs["loss_mask_pairwise"].item(), abs=1e-5)
    assert ours.box.item() == pytest.approx(theirs["loss_mask_project"].item(), abs=1e-5)
