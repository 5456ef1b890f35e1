"""Settings of the second round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from stc_track.io.field_checks import Between, Count, NotNegative, Positive, PositiveCount, Share, check, require

STRIDE = 32  # of the encoder's coarsest features


@dataclass(frozen=True)
class RefineSettings:
    """What `refine` learns with, and how long.

    Attributes:
        crop: pixels a side of a crop, a multiple of 32. Raising it keeps finer outlines of large objects; time and
            memory grow with its square.
        views: cached crops a box. More teach the network less by heart; memory and the encoder's time grow with it.
        max_boxes: boxes that are learnt from, drawn at random where there are more. Bounds memory and time.
        occlude: share of the views that another box's object is pasted over. Raising it teaches outlines between
            objects, and takes views from plain ones.
        rounds: trainings; each but the first learns from the masks of the one before.
        heads: networks of a round, whose masks are averaged. Each costs a training.
        epochs: passes over the boxes of a training, a view of each at a time. Too many fit the labels' errors.
        min_steps: steps of a training of few boxes.
        batch_size: crops a step.
        learning_rate: AdamW's largest, in one cycle.
        weight_decay: AdamW's.
        ema: of the running average of the weights, a step. Raising it averages over more steps.
        projection: weight of the projections' loss beside the pixels'. Raising it fills boxes to their sides.
        small_weight: weight of boxes of fewer than `SMALL_AREA` pixels, whose labels are the worst.
        mean_field_from: share of a training after which the targets follow colour edges; 1 never.
        holdout: share of the boxes that are not learnt from and tell when to stop.
        patience: measurements on them without a new best before a training stops.
        votes: frames before and after whose masks of the same track vote, carried along the flow; 0 for none.
            Raising it evens out single frames' errors, and blurs what moves faster than flow can follow.
        seed: of weights, views and batches.
    """

    crop: Annotated[int, Between(STRIDE)] = 96
    views: PositiveCount = 5
    max_boxes: PositiveCount = 2000
    occlude: Share = 0.2
    rounds: PositiveCount = 1
    heads: PositiveCount = 2
    epochs: PositiveCount = 12
    min_steps: PositiveCount = 300
    batch_size: PositiveCount = 16
    learning_rate: Positive = 3e-3
    weight_decay: NotNegative = 0.02
    ema: Share = 0.99
    projection: NotNegative = 1.0
    small_weight: NotNegative = 0.4
    mean_field_from: Share = 0.5
    holdout: Annotated[float, Between(0, 0.9)] = 0.1
    patience: PositiveCount = 3
    votes: Count = 8
    seed: Count = 0

    def __post_init__(self) -> None:
        check(self)
        require(self.crop % STRIDE == 0, "crop", f"a multiple of {STRIDE}", self.crop)
