"""Puzzle loss: masks learnt from boxes and pseudo-masks of depth and flow (III-B2, Eq. 3 to 6).

`L = L_bd + L_bx`: the box term holds the mask's projections to the box's, the boundary term tells the mask what inside
the box is the object. Pure PyTorch; no MMDetection. Everything is computed in float32 or wider, whatever the logits'
type, so it stays finite in float16 and bfloat16.

Both terms are means over the N masks of a batch, so an object's weight does not depend on its size; Eq. 4 prints
`1 / (h * w)`, the frame's area, with which a far pedestrian counts for next to nothing beside a near car: `area`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BoxTerm = Literal["dice", "dice_penalty"]
Boundary = Literal["pixel", "bce", "dice", "pairwise", "none"]
Area = Literal["box", "frame"]

EPSILON = 5e-6  # of the dice losses, as in BoxInst
# The four of the eight neighbour directions (rows, columns) that look down or right; the other four are their
# opposites: direction d of the eight in row-major order is opposite to 7 - d.
FORWARD_DIRECTIONS = {4: (0, 1), 5: (1, -1), 6: (1, 0), 7: (1, 1)}


class PuzzleTerms(NamedTuple):
    """The loss's two terms, and what they were computed from. All scalars; only the terms carry a gradient.

    Attributes:
        box: L_bx, mean over the masks.
        boundary: L_bd, mean over the masks (`pairwise`: over the kept edges).
        coverage: share of the boxes' cells that the pseudo-masks cover.
        kept_edge_share: share of the boxes' edges that are kept; 0 without edges.
    """

    box: Tensor
    boundary: Tensor
    coverage: Tensor
    kept_edge_share: Tensor


class PuzzleLoss(nn.Module):
    """`L_pz = L_bd + L_bx` (Eq. 3), with Table IV's variants as settings.

    Args:
        box_term: `dice_penalty` is L'_dice of Eq. 5, `dice` is it without the position penalty.
        boundary: `pixel` is Eq. 4 on the pseudo-mask: its positives are foreground, and nothing is background but what
            the box term says. `bce` adds the rest of the box as background. `dice` is the dice loss of the whole mask
            against the pseudo-mask. `pairwise` asks both ends of each kept edge for the same label (the paper's
            released code, after BoxInst). `none` leaves the box term alone.
        area: what `pixel` and `bce` are a mean over: the cells of the `box`, or those of the whole `frame` as Eq. 4
            prints it, where `bce` takes all that is not of the pseudo-mask for background.
        dilation: cells between the ends of an edge, for `pairwise`.
        inside_weight, outside_weight: of the box term's positions inside and outside the box; for loose boxes lower
            the second (end of III-B2).
        positive_weight, negative_weight: of `bce`'s (and `pixel`'s) foreground and background; for wrong labels lower
            the second (end of III-B2).
    """

    def __init__(
        self,
        box_term: BoxTerm = "dice_penalty",
        boundary: Boundary = "bce",
        area: Area = "box",
        dilation: int = 2,
        inside_weight: float = 1.0,
        outside_weight: float = 1.0,
        positive_weight: float = 1.0,
        negative_weight: float = 1.0,
    ) -> None:
        super().__init__()
        for name, value, choices in (
            ("box_term", box_term, get_args(BoxTerm)),
            ("boundary", boundary, get_args(Boundary)),
            ("area", area, get_args(Area)),
        ):
            if value not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}; got {value!r}")
        self.box_term, self.boundary, self.area, self.dilation = box_term, boundary, area, dilation
        self.inside_weight, self.outside_weight = inside_weight, outside_weight
        self.positive_weight, self.negative_weight = positive_weight, negative_weight

    def forward(
        self,
        logits: Tensor,
        boxes: Tensor,
        pieces: Tensor,
        edges: Tensor | None = None,
        image: Tensor | None = None,
        known: Tensor | None = None,
        trust: Tensor | None = None,
    ) -> PuzzleTerms:
        """Compare N predicted masks with their boxes and pseudo-masks.

        Args:
            logits: (N, h, w) float.
            boxes: (N, h, w) bool, the cells of each mask's box; at least one.
            pieces: (N, h, w) float in 0..1, the pseudo-mask: share of the cell that is the object's. All zero where
                nothing is known: the boundary term then leaves that mask alone.
            edges: (B, 8, h, w) bool, the kept edges of each image, directions in row-major order; for `pairwise`.
            image: (N,) int64, which image each mask is of; with `edges`.
            known: (N, h, w) bool, the cells that count in the boundary terms against the pseudo-mask (`pixel`, `bce`,
                `dice`), as if there were no others; all, if None. The box term and `pairwise` take all.
            trust: (N,) float, weight of each pseudo-mask in these boundary terms; 1, if None.
        """
        if self.boundary == "pairwise" and edges is None:
            raise ValueError(
                "boundary='pairwise' needs the kept edges; stc_train.LoadPseudoLabels(edges=True) reads them"
            )
        logits = logits if logits.dtype == torch.float64 else logits.float()
        pieces = pieces.to(logits.dtype)
        area = boxes.sum((1, 2)).clamp(min=1)
        kept = logits.new_zeros(())
        if not len(logits):
            return PuzzleTerms(logits.sum(), logits.sum(), kept, kept)
        if edges is not None:
            per_image = edges.float().mean(1)[image]
            kept = ((per_image * boxes).sum((1, 2)) / area).mean()
        whole = boxes if self.area == "box" else torch.ones_like(boxes)
        counted, labels = (whole, pieces) if known is None else (whole & known, pieces * known)
        trusted = logits.new_ones(len(logits)) if trust is None else trust.to(logits.dtype)
        match self.boundary:
            case "pixel" | "bce":
                boundary = self._pixel_term(logits, counted, labels, counted.sum((1, 2)).clamp(min=1), trusted)
            case "dice":
                labelled = labels.flatten(1).amax(1) > 0
                weight = 1.0 if known is None else known.flatten(1)
                boundary = (
                    dice_loss(logits.sigmoid().flatten(1), labels.flatten(1), weight) * labelled * trusted
                ).mean()
            case "pairwise":
                if edges is None or image is None:
                    raise ValueError("edges and image must be given for boundary 'pairwise'. Got None")
                boundary = pairwise_loss(logits, boxes, edges, image, self.dilation)
            case _:
                boundary = logits.new_zeros(())
        coverage = ((pieces * boxes).sum((1, 2)) / area).mean()
        return PuzzleTerms(self._box_term(logits, boxes), boundary, coverage, kept)

    def _box_term(self, logits: Tensor, boxes: Tensor) -> Tensor:
        """Eq. 6: the maximum over rows and over columns, compared with the box's."""
        total = logits.new_zeros(())
        for axis in (1, 2):
            # The sigmoid is monotonic: taken after the maximum, it is taken of one row instead of a map.
            p, g = logits.amax(axis).sigmoid(), boxes.any(axis).to(logits.dtype)
            weight = torch.where(g > 0, self.inside_weight, self.outside_weight)
            term = dice_loss(p, g, weight)
            if self.box_term == "dice_penalty":
                excess = (weight * (p - g).clamp(min=0) ** 2).sum(1)
                term = term + excess / (g**2).sum(1).clamp(min=1)
            total = total + term.mean()
        return total

    def _pixel_term(self, logits: Tensor, boxes: Tensor, pieces: Tensor, area: Tensor, trust: Tensor) -> Tensor:
        """Eq. 4, a mean over the cells that count; `bce` with those beside the pseudo-mask as background."""
        cells = self.positive_weight * pieces * F.softplus(-logits)  # -log P(foreground)
        if self.boundary == "bce":
            cells = cells + self.negative_weight * (1 - pieces) * F.softplus(logits)
        labelled = pieces.flatten(1).amax(1) > 0
        return ((cells * boxes).sum((1, 2)) / area * labelled * trust).mean()


def dice_loss(p: Tensor, g: Tensor, weight: Tensor | float = 1.0) -> Tensor:
    """`1 - 2 sum(p g) / (sum(p^2) + sum(g^2))`, each sum weighted (Milletari et al., 2016; Eq. 5 omits the `1 -`).

    Args:
        p: (N, L) in 0..1, predicted.
        g: (N, L) in 0..1, target.
        weight: (N, L) or a number.

    Returns:
        (N,) in 0..1.
    """
    return 1 - 2 * (weight * p * g).sum(1) / ((weight * (p**2 + g**2)).sum(1) + 2 * EPSILON)


def pairwise_loss(logits: Tensor, boxes: Tensor, edges: Tensor, image: Tensor, dilation: int) -> Tensor:
    """Mean of `-log P(same label)` over the kept edges whose centre lies in the box (BoxInst, Eq. 5 and 6).

    P(same) = p_a p_b + (1 - p_a)(1 - p_b), whose logarithm vanishes long before its gradient should. In logits,
    `-log P(same) = softplus(a) + softplus(b) - softplus(a + b)`, finite everywhere. It is symmetric in a and b: one
    map serves a direction and its opposite.

    Args:
        logits: (N, h, w) float32 or wider.
        boxes: (N, h, w) bool.
        edges: (B, 8, h, w) bool, directions in row-major order.
        image: (N,) int64, each mask's image.
        dilation: cells between an edge's ends.

    Returns:
        a scalar.
    """
    height, width = logits.shape[1:]
    background = F.softplus(logits)  # -log P(background)
    total, count = logits.new_zeros(()), logits.new_zeros(())
    for d, (rows, columns) in FORWARD_DIRECTIONS.items():
        down, right = rows * dilation, columns * dilation
        here = (..., slice(0, max(height - down, 0)), slice(max(-right, 0), max(width - max(right, 0), 0)))
        there = (..., slice(down, height), slice(max(right, 0), max(width + min(right, 0), 0)))
        from_here = edges[:, d][here][image] & boxes[here]
        from_there = edges[:, 7 - d][there][image] & boxes[there]
        weight = from_here.to(logits.dtype) + from_there
        different = background[here] + background[there] - F.softplus(logits[here] + logits[there])
        total, count = total + (weight * different).sum(), count + weight.sum()
    return total / count.clamp(min=1)
