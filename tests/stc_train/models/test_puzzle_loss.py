"""The puzzle loss against plain loops, its gradients, and half precision; tests/pipelines has BoxInst's loss."""

import math

import numpy as np
import pytest
import torch

from stc_train.models.puzzle_loss import PuzzleLoss

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
    return (
        torch.tensor([[cell != "." for cell in row] for row in rows])[None],
        torch.tensor([[float(cell == "P") for cell in row] for row in rows])[None],
    )


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


@pytest.mark.parametrize(
    ("box_term", "inside", "outside"),
    [("dice", 1, 1), ("dice_penalty", 1, 1), ("dice_penalty", 2.0, 0.25)],
    ids=["dice", "penalty", "weighted penalty"],
)
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
    assert terms.coverage.item() == pytest.approx(
        np.mean([(m * b).sum().item() / b.sum().item() for m, b in zip(pieces, boxes, strict=True)])
    )


def test_dice_boundary_equals_the_loop():
    logits, boxes, pieces, *_ = example()
    assert PuzzleLoss(boundary="dice")(logits, boxes, pieces).boundary.item() == pytest.approx(
        loop_dice(logits, pieces), abs=1e-5
    )


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
        value = {
            name: sum(PuzzleLoss(boundary=boundary)(logits, boxes, pieces)[:2]).item()
            for name, logits in (("filled", filled), ("right", right), ("empty", empty))
        }
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


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
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
    terms = PuzzleLoss(boundary=boundary)(
        logits, none.bool(), none, torch.ones(2, 8, 6, 8, dtype=torch.bool), torch.zeros(0, dtype=torch.int64)
    )
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


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_memory_grows_no_faster_than_the_masks(boundary):
    """What is kept for the gradient, counted by storage: twice the masks, twice the bytes at the most."""
    logits, boxes, pieces, edges, image = example(torch.float32)
    loss = PuzzleLoss(boundary=boundary)
    kept = []
    for copies in (8, 16):
        storages = {}

        def keep(tensor, storages=storages):
            storage = tensor.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
            return tensor

        parts = [part.repeat(copies, *[1] * (part.ndim - 1)) for part in (logits, boxes, pieces)]
        parts[0].requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            terms = loss(*parts, edges, image.repeat(copies))
            total = terms.box + terms.boundary
        kept.append(sum(storages.values()))
        total.backward()
    assert kept[0] > 0
    assert kept[1] <= 2.05 * kept[0]


@pytest.mark.parametrize("boundary", ["pixel", "bce"])
@pytest.mark.parametrize("box_term", ["dice", "dice_penalty"])
def test_gradients_with_the_weights_for_noisy_labels(boundary, box_term):
    logits, *rest = example()
    loss = PuzzleLoss(
        box_term, boundary, inside_weight=2.0, outside_weight=0.25, positive_weight=2.0, negative_weight=0.25
    )
    assert torch.autograd.gradcheck(lambda x: sum(loss(x, *rest)[:2]), logits.requires_grad_())


def test_a_lower_outside_weight_forgives_a_mask_beyond_a_box_that_is_too_small():
    """End of III-B2: of a loose box the positive feedback inside counts more than the negative outside."""
    boxes, pieces = drawn()
    small = boxes.clone()
    small[:, :, 5:] = False  # the box's right side, two cells short
    right = 12 * pieces - 6
    plain, tolerant = (
        PuzzleLoss(boundary="none", inside_weight=inside, outside_weight=outside)
        for inside, outside in ((1, 1), (2, 0.25))
    )
    assert plain(right, boxes, pieces).box == pytest.approx(0, abs=1e-3)
    assert tolerant(right, small, pieces).box < 0.5 * plain(right, small, pieces).box
    # It still does not forgive a mask that leaves most of the box empty.
    empty = torch.full_like(right, -6.0)
    assert tolerant(empty, small, pieces).box > 0.9 * plain(empty, small, pieces).box


def test_a_lower_negative_weight_forgives_foreground_where_the_piece_says_background():
    boxes, pieces = drawn()
    filled = 12.0 * boxes - 6
    plain, tolerant = (
        PuzzleLoss(boundary="bce", positive_weight=positive, negative_weight=negative)
        for positive, negative in ((1, 1), (2, 0.25))
    )
    assert tolerant(filled, boxes, pieces).boundary < 0.3 * plain(filled, boxes, pieces).boundary
    empty = torch.full_like(filled, -6.0)
    assert tolerant(empty, boxes, pieces).boundary > 1.9 * plain(empty, boxes, pieces).boundary


def test_pairwise_without_edges_says_what_reads_them():
    logits = torch.zeros(1, 4, 4)
    boxes = torch.ones(1, 4, 4, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"LoadPseudoLabels\(edges=True\)"):
        PuzzleLoss(boundary="pairwise")(logits, boxes, boxes.float())


@pytest.mark.parametrize(
    ("config", "change", "found"),
    [
        pytest.param(
            "condinst_r18_demo",
            {"train_dataloader.dataset.pipeline.2.edges": False},
            "pipeline.2.edges=True",
            id="no edges",
        ),
        pytest.param(
            "yolact_r18_demo",
            {"model.mask_head.loss_mask": {"boundary": "pairwise"}},
            "no such step",
            id="no step for edges",
        ),
    ],
)
def test_a_config_that_reads_no_edges_is_refused_before_the_training(config, change, found):
    from stc_track.io.errors import InputError
    from stc_train.engine.adapt_config import require_edges
    from stc_train.engine.train import load_config

    config = load_config(config)
    config.merge_from_dict({"model.mask_head.loss_mask.boundary": "pairwise"} | change)
    with pytest.raises(InputError, match=found):
        require_edges(config)
    whole = load_config("condinst_r18_demo", ["model.mask_head.loss_mask.boundary=pairwise"])
    require_edges(whole)


def test_as_printed_the_mean_is_over_the_frame_and_all_beside_the_mask_is_background():
    """Eq. 4 by a loop; `bce` adds the other cells of the frame, not of the box alone."""
    logits, boxes, pieces, _, _ = example()
    positive, both = 0.0, 0.0
    for k in (0, 1):  # the third has no pseudo-mask
        for row, drawn_row in zip(logits[k].tolist(), pieces[k].tolist(), strict=True):
            for x, m in zip(row, drawn_row, strict=True):
                positive -= m * math.log(sigmoid(x)) / 48
                both -= (m * math.log(sigmoid(x)) + (1 - m) * math.log(1 - sigmoid(x))) / 48
    for boundary, expected in (("pixel", positive), ("bce", both)):
        found = PuzzleLoss(boundary=boundary, area="frame")(logits, boxes, pieces).boundary
        assert found.item() == pytest.approx(expected / 3, rel=1e-6)


@pytest.mark.parametrize("boundary", ["pixel", "bce", "dice"])
def test_trust_weighs_pseudo_masks_and_leaves_boxes(boundary):
    logits, boxes, pieces, *_ = example()
    loss = PuzzleLoss(boundary=boundary)
    alone = [loss(*(tensor[k : k + 1] for tensor in (logits, boxes, pieces))).boundary for k in range(3)]
    trusted = loss(logits, boxes, pieces, trust=torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(trusted.boundary, (0.5 * alone[1] + alone[2]) / 3)
    torch.testing.assert_close(trusted.box, loss(logits, boxes, pieces).box)
    torch.testing.assert_close(loss(logits, boxes, pieces, trust=torch.ones(3)).boundary, sum(alone) / 3)
