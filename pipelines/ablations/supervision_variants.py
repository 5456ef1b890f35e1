"""The kinds of mask supervision that `mask_supervision` compares, each a config, a store and settings."""

from __future__ import annotations

from dataclasses import dataclass

WARM_UP = 1 / 9  # of the steps: BoxInst's pairwise term rises over 10,000 of 90,000 (Tian et al., CVPR 2021)
# End of III-B2: lower where the noise does harm. As docs/results/segmenters.md names them; not chosen here.
ROBUST_BOX = ("model.mask_head.loss_mask.inside_weight=2.0", "model.mask_head.loss_mask.outside_weight=0.25")
ROBUST_CLASS = ("model.bbox_head.loss_cls.other_class_weight=0.5", "model.mask_head.loss_mask.negative_weight=0.5")


@dataclass(frozen=True)
class Variant:
    """One kind of mask supervision.

    Attributes:
        text: what it is.
        kind: of the config, as `supervision_stores.write_config` takes it.
        store: the labels that it is trained on.
        options: settings of the config.
        warm_up: share of the steps over which BoxInst's pairwise term rises.
    """

    text: str
    kind: str = "ours"
    store: str = "exact"
    options: tuple[str, ...] = ()
    warm_up: float = WARM_UP


def table_iv_row(box_term: str, boundary: str) -> Variant:
    """A row of Table IV."""
    loss = "model.mask_head.loss_mask"
    return Variant(f"{box_term}, {boundary}", options=(f"{loss}.box_term={box_term}", f"{loss}.boundary={boundary}"))


DEFAULT_VARIANTS = {
    "puzzle": Variant("puzzle loss, exact depth and flow"),
    # In so short a training the ninth of the steps that BoxInst has ends before the masks lie in their boxes, and no
    # mask is learnt at all: `boxinst_ninth`.
    "boxinst": Variant("BoxInst's loss (MMDetection), warm-up of half the steps", "boxinst", warm_up=0.5),
    "supervised": Variant("true masks (MMDetection's CondInst)", "condinst", "true"),
}
NETWORKS = {"networks": Variant("puzzle loss, the demo's depth and flow networks", store="networks")}
VARIANTS = {
    f"{term}_{boundary}": table_iv_row(term, boundary)
    for term in ("dice", "dice_penalty")
    for boundary in ("none", "bce", "dice", "pixel", "pairwise")
}
NOISE = {
    "loose": Variant("loose boxes", store="loose"),
    "loose_robust": Variant("loose boxes, robust weights", store="loose", options=ROBUST_BOX),
    "wrong": Variant("wrong classes", store="wrong"),
    "wrong_robust": Variant("wrong classes, robust weights", store="wrong", options=ROBUST_CLASS),
}
# Tells what the labels cost from what the loss costs.
TRUE = {"puzzle_true": Variant("puzzle loss, true masks as pseudo-masks", store="true")}
NINTH = {"boxinst_ninth": Variant("BoxInst's loss, warm-up of a ninth", "boxinst")}
# What `stc-pseudo refine` is worth to a segmenter: between `networks` and `puzzle_true`.
REFINED = {"refined": Variant("puzzle loss, the demo's networks, refined", store="refined")}
EVERY = DEFAULT_VARIANTS | NINTH | NETWORKS | REFINED | VARIANTS | NOISE | TRUE
