"""Settings of the second round."""

from __future__ import annotations

from dataclasses import dataclass


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
        epochs: passes over the views of a training. Too many fit the labels' errors.
        batch_size: crops a step.
        learning_rate: AdamW's largest, in one cycle.
        weight_decay: AdamW's.
        ema: of the running average of the weights, a step. Raising it averages over more steps.
        projection: weight of the projections' loss beside the pixels'. Raising it fills boxes to their sides.
        small_weight: of boxes of fewer than `SMALL_AREA` pixels, whose labels are the worst.
        mean_field_from: share of a training after which the targets follow colour edges; 1 never.
        holdout: share of the tracks (of the boxes where there are few tracks) that are not learnt from and tell when to
            stop.
        patience: measurements on them without a new best before a training stops.
        seed: of weights, views and batches.
    """

    crop: int = 96
    views: int = 5
    max_boxes: int = 2000
    occlude: float = 0.2
    rounds: int = 2
    heads: int = 1
    epochs: int = 12
    batch_size: int = 16
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    ema: float = 0.99
    projection: float = 1.0
    small_weight: float = 0.4
    mean_field_from: float = 0.5
    holdout: float = 0.1
    patience: int = 3
    seed: int = 0
