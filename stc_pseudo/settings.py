"""Settings of the pseudo-labels, grouped by the stage that must be redone when one changes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal, get_args

from stc_track.io.field_checks import Between, Count, NotNegative, Positive, PositiveCount, Share, check, require

Cue = Literal["depth", "flow", "colour", "motion"]
CUES: tuple[Cue, ...] = get_args(Cue)
Labels = Literal["mask", "regions", "walk"]
SIGNALS: tuple[Cue, ...] = ("depth", "flow")  # all that Eq. 2 knows of
Preset = Literal["best", "paper"]


@dataclass(frozen=True)
class SimilaritySettings:
    """The mini network's settings (IV-B).

    Attributes:
        layers: dilated layers (IV-D1, best of Table V); more compare cells that lie farther apart.
        dilation: cells between neighbours of one layer (IV-D1, best of Table VI); raising it does the same.
        factor: r of Eq. 1; raising it makes the similarity fall faster with the difference.
        depth_gain: the median of inverse depth before comparison; raising it cuts at smaller steps in depth.
        flow_gain: a flow as long as the frame is wide before comparison; raising it cuts at smaller steps in flow.
    """

    layers: Annotated[int, Between(1, 4)] = 3
    dilation: Annotated[int, Between(1, 3)] = 2
    factor: Positive = 0.5
    # Both gains were chosen on rendered scenes of seed 8 by `python -m pipelines.ablations.thresholds`, so that
    # phi_s = 0.3, phi_t = 0.4 lie near the best of Table VII's grid, with exact depth and flow and with OpenCV's
    # (docs/results/labels.md shows the grids). With three layers of dilation 2, an edge fails phi_s along a slope in
    # inverse depth of over 0.7 % of the frame's median a cell, and phi_t along one in flow of over 0.13 % of the
    # frame's width a cell.
    depth_gain: Positive = 100.0
    flow_gain: Positive = 400.0

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class LikelihoodSettings:
    """Settings of the masks from likelihoods of colour and motion (`puzzle.likelihood`), and of when they are taken.

    Chosen on six DAVIS sequences; the same for every video.

    Attributes:
        side: cells a side of the box and its surroundings; raising it follows thinner parts and takes longer.
        margin: surroundings on each side, as a share of the box's side.
        components: Gaussians of each mixture.
        rounds: in which mixtures and mask are found in turns.
        colour_noise: CIELAB units that colours differ by within one Gaussian at the least.
        motion_noise: the same of motion, in logarithms of the noise of the surroundings' motion.
        colour_edge: CIELAB units between neighbours of one object; raising it smooths across weaker colour edges.
        motion_edge: the same of motion.
        largest_odds: log odds that one cue can give a cell; lowering it lets no cue decide alone.
        smoothness: log odds that all neighbours of a cell can give it together; raising it makes masks smoother.
        updates: of the field, after the last round.
        choice_margin: how much more contrast of motion along its outline (a logarithm) a likelihood mask needs to be
            taken for the random walk's; raising it keeps the walk's more often.
        choice_enough: contrast at which an outline is good enough: more of it does not count in the choice; raising it
            takes likelihood masks where the walk's outlines follow edges too.
        motion_margin: how much more contrast a mask of motion alone needs, which is cut by what it is judged by;
            raising it takes such masks more rarely.
        choice_prior: boxes of the whole shard's mean that stand beside a track's own in that choice; raising it makes
            the tracks of a video more alike.
        judged: boxes of a track in a shard that all masks are made of for that choice; raising it takes longer.
    """

    side: PositiveCount = 48
    margin: NotNegative = 0.3
    components: PositiveCount = 5
    rounds: PositiveCount = 4
    colour_noise: Positive = 4.0
    motion_noise: Positive = 0.8
    colour_edge: Positive = 6.0
    motion_edge: Positive = 2.0
    largest_odds: Positive = 1.5
    smoothness: NotNegative = 18.0
    updates: Count = 8
    choice_margin: float = 0.3
    choice_enough: Positive = 1.2
    motion_margin: float = 1.0
    choice_prior: NotNegative = 8.0
    judged: PositiveCount = 8

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class MaskSettings:
    """Settings of the fusion and of the puzzle pieces; the defaults suit exact depth and flow.

    Attributes:
        labels: `mask`, M of Eq. 2 in the box; `regions`, the sub-regions between cut edges that lie in it; `walk`, a
            random walk and likelihoods, which cut softly and know all cues.
        threshold_depth: phi_s of Eq. 2, for the depth signal (IV-D1, best of Table VII); raising it keeps less.
        threshold_flow: phi_t of Eq. 2, for the flow signal (IV-D1, best of Table VII); raising it keeps less.
        cues: which of `depth`, `flow`, `colour` and `motion` (flow with the camera's removed) are features of the
            affinities; `mask` and `regions` know the first two.
        depth_deviation: of the logarithm of inverse depth between neighbours within an object; raising any deviation
            lets that cue count for less.
        height_deviation: of the height above the ground, heights of the camera.
        flow_deviation: of flow and motion, pixels of the original frame.
        colour_deviation: of colour, CIELAB units.
        unary_weight: weight of a store cell's data term (its place in the box) beside 1 for an edge without any
            difference; raising it makes masks rounder, lowering it lets the cues decide.
        colour_model: weight of how often a cell's colour occurs in the box and around it.
        max_cells: a box is solved on the finest grid of which at most this many cells cover it and its surroundings;
            0 for the store's.
        occlusion_margin: the nearer of two boxes owns a cell down to this much less foreground probability than the
            farther one; raising it gives overlaps to the nearer box.
        votes: frames before and after whose masks of the same track vote, carried along the flow; raising it evens out
            single frames' errors, and blurs what moves faster than flow can follow; 0 for none.
        likelihood: of the second candidate, and of the choice between it and the walk's.
    """

    labels: Labels = "walk"
    threshold_depth: Share = 0.3
    threshold_flow: Share = 0.4
    cues: tuple[Cue, ...] = CUES
    depth_deviation: Positive = 0.03
    height_deviation: Positive = 0.02
    flow_deviation: Positive = 1.0
    colour_deviation: Positive = 20.0
    unary_weight: Positive = 0.02
    colour_model: NotNegative = 0.3
    max_cells: Count = 12_000
    occlusion_margin: Share = 0.2
    votes: Count = 8
    likelihood: LikelihoodSettings = field(default_factory=LikelihoodSettings)

    def __post_init__(self) -> None:
        check(self)


# Pixels a side of the cells of depth and flow that pieces are cut by: networks see no finer than the store keeps.
DETAIL: dict[str, Literal[1, 2, 4]] = {"exact": 1, "estimated": 4}
# How far each cue is trusted. Both rows were chosen on rendered scenes of other seeds than figures are given for: with
# true depth and flow, and with those of small networks, whose edges are blurred, so that colour must tell more.
TRUST: dict[str, dict[str, Any]] = {
    "exact": {},
    "estimated": {
        "depth_deviation": 0.08,
        "height_deviation": 0.06,
        "flow_deviation": 4.0,
        "colour_deviation": 4.0,
        "unary_weight": 0.1,
        "colour_model": 0.5,
        "max_cells": 1500,
        "occlusion_margin": 0.4,
    },
}


# The method as printed (III-B1, IV-B, IV-D1): M of Eq. 2 in the box, on the store's cells. Tables III, V, VI and VII
# vary what `PAPER_TABLES` names; everything else is the preset's.
PAPER: dict[str, Any] = {"labels": "mask", "cues": SIGNALS}
PAPER_TABLES = (
    "similarity.layers", "similarity.dilation", "masks.threshold_depth", "masks.threshold_flow", "masks.cues",
)  # fmt: skip


@dataclass(frozen=True)
class LabelSettings:
    """Everything that decides the pseudo-labels, once depth and flow are known.

    Attributes:
        similarity: of the mini network.
        masks: of the fusion and of the puzzle pieces.
        detail: pixels a side of the cells of depth and flow that pieces are cut by. Below 4, the store keeps both so
            fine as well.
        preset: the bundle that the settings began with, kept beside them.
    """

    similarity: SimilaritySettings = field(default_factory=SimilaritySettings)
    masks: MaskSettings = field(default_factory=MaskSettings)
    detail: Literal[1, 2, 4] = DETAIL["exact"]
    preset: Preset = "best"

    def __post_init__(self) -> None:
        check(self)
        labels, cues = self.masks.labels, self.masks.cues
        if labels != "walk":
            expected = f"some of {','.join(SIGNALS)} for labels '{labels}'"
            require(set(cues) <= set(SIGNALS), "cues", expected, ",".join(cues))

    def as_json(self) -> dict[str, Any]:
        """Return the settings as JSON values, by stage."""
        return json.loads(json.dumps(asdict(self)))
