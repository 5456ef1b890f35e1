"""Every choice of the tracker, in groups; Table VIII's rows are switches of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, Literal

from stc_track.io.field_checks import Between, Count, NotNegative, Share, check, require

Motion = Literal["diagonal", "center", "none"]
Matching = Literal["bi-greedy", "hungarian", "greedy"]
CueTerms = Literal["none", "depth", "flow", "both"]
Distance = Literal["deviations", "plain"]

ALPHA = (0.7, 0.2, 0.1)  # Eq. 9's weights of position, depth and flow
Score = Annotated[float, Between(-1e6, 1e6)]


@dataclass(frozen=True, slots=True)
class MotionSettings:
    """Where a track is expected. Standard deviations are shares of the box's diagonal, for one frame.

    Attributes:
        points: which points are filtered: both corners (`diagonal`), the centre, or none: the last place is expected.
        measurement: of a detected coordinate. Raising it trusts the prediction more and the detection less.
        position: of what constant velocity fails to say. Raising it follows jumps, and noise, sooner.
        velocity: of the change of velocity. Raising it follows turns sooner and predicts less far.
        start_velocity: of a new track's velocity. Raising it lets newcomers be fast.
        robust: standard deviations of an innovation that count as motion. Raising it takes a side that jumps, because
            something begins to hide the object, for motion; 0 takes all.
        adaptation: how fast the noise of position and velocity follows what this video's clear matches deviate by.
            Raising it suits changing motion and listens to chance; 0 keeps the noise as it is set. Boxes only.
        velocity_decay: share of its velocity that a missing track keeps from frame to frame. Raising it follows steady
            motion through longer occlusions and loses what stops. Boxes only.
        velocity_decay_masks: the same of tracks with masks, whose overlap corrects a prediction that went astray.
        common_start: let new tracks start with the other tracks' common velocity, which a turning camera gives to all.
        camera_motion: move tracks as the camera does: by the background's motion where detections carry it, else,
            where they are boxes, by what most tracks were displaced alike.
    """

    points: Motion = "diagonal"
    measurement: NotNegative = 0.05
    position: NotNegative = 0.05
    velocity: NotNegative = 0.05
    start_velocity: NotNegative = 0.2
    robust: NotNegative = 2.0
    adaptation: Share = 0.1
    velocity_decay: Share = 0.8
    velocity_decay_masks: Share = 0.95
    common_start: bool = True
    camera_motion: bool = True

    def __post_init__(self) -> None:
        check(self)
        require(self.measurement + self.position > 0, "measurement", "above 0 where position is 0", self.measurement)


@dataclass(frozen=True, slots=True)
class CostWeights:
    """What speaks against a pair of a track and a detection; it is possible where the sum stays below `max_cost`.

    Attributes:
        alpha: Eq. 9's weights of position, depth and flow. Raising one makes its cue decide, and forbids pairs that
            deviate.
        distance: what each of them weighs: standard `deviations` of what pairs of one object differ by, or as printed
            the `plain` Euclidean distances of the points, pixels, of their inverse depths, shares of the frame's
            median, and of their flows, pixels.
        vertical_weight: what a vertical deviation counts beside a horizontal one. Raising it punishes boxes whose
            height is cut by what hides them.
        overlap_weight: cost of a pair that does not overlap, `1 - IoU` of the moved mask (or box) and the detection's.
        former_mask: what the mask before the last counts where it overlaps better than the last, 1: as much. Raising it
            finds again what was hidden or turned, and takes others for it. Masks only.
        size_weight: cost of a factor of e between both areas, of masks or boxes. Raising it keeps what is half hidden
            from who hides it, and loses what appears from behind something.
        buffer: share of its sides by which a box grows on each side before its overlap is taken (Yang et al., WACV
            2023). Raising it matches small and fast objects, and confuses crowds. Boxes only.
        buffer_growth: what is added to it for each standard deviation of the track's expected place. Raising it finds
            objects again after longer gaps, others in their place too. Boxes only.
        gap_weight: cost of each frame that the track was missing. Raising it gives new ids after shorter gaps.
        score_weight: cost of a detection of score 0, less for better ones; none from score 1 on. Raising it keeps
            false alarms from carrying tracks away, and loses objects that are hardly seen.
        new_track_penalty: cost of a track without accumulated score; none from 1 on. Raising it gives detections to
            tracks that have proved themselves.
        speed_weight: what is taken off for each diagonal a frame, up to 0.3, that the track moves: what is fast
            overlaps less.
        max_cost: largest cost of a pair. Raising it gives fewer new ids and more wrong matches.
        gate: largest distance of a pair, in diagonals (the mean of both boxes'). Raising it lets objects jump.
    """

    alpha: tuple[NotNegative, NotNegative, NotNegative] = ALPHA
    distance: Distance = "deviations"
    vertical_weight: NotNegative = 0.15
    overlap_weight: NotNegative = 9.0
    former_mask: Share = 0.8
    size_weight: NotNegative = 0.5
    buffer: NotNegative = 0.0
    buffer_growth: NotNegative = 0.0
    gap_weight: NotNegative = 0.65
    score_weight: NotNegative = 5.5
    new_track_penalty: NotNegative = 4.0
    speed_weight: NotNegative = 10.0
    max_cost: NotNegative = 14.5
    gate: NotNegative = 2.0

    def __post_init__(self) -> None:
        check(self)


MASK_COSTS = CostWeights()
# The overlap of boxes tells neighbours apart less well than that of masks: it counts alone, and within a tighter limit.
BOX_COSTS = CostWeights(
    alpha=(0.0, 0.2, 0.1), size_weight=0.0, buffer=0.3, buffer_growth=2.0, gap_weight=0.1, speed_weight=0.0,
    max_cost=6.0,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AssociationSettings:
    """How pairs are chosen.

    Attributes:
        matching: Algorithm 1 (`bi-greedy`), least sum of costs (`hungarian`), or cheapest pair first (`greedy`).
        cascade: tracks seen last frame choose first, then those missing for one frame, and so on.
        two_rounds: detections below `high_score` choose after the others; otherwise together.
        cue_terms: which of Eq. 9's depth and flow terms count where detections carry cues.
    """

    matching: Matching = "hungarian"
    cascade: bool = False
    two_rounds: bool = False
    cue_terms: CueTerms = "both"

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class LifecycleSettings:
    """When tracks begin, count and end.

    Attributes:
        high_score: detections of at least this score begin tracks. Raising it avoids false tracks and finds fewer.
        low_score: detections of at least this score may continue a track. Raising it ignores hardly seen objects.
        confirm_score: accumulated score from which a track is output. Raising it suppresses false tracks and outputs
            true ones later; 0 confirms all at once.
        tentative_gap: frames that a track may be missing before it is confirmed. Raising it keeps false alarms alive.
        max_gap: frames that a track may be missing before it ends. Raising it bridges longer occlusions and may give
            an id to somebody else. Frames are counted in the sequence's own step.
        birth_overlap: largest IoU of a box of score 1 that would begin a track and of a live track of its class; less
            for lower scores, 0 at `high_score`. Raising it begins second tracks on one object; lowering it misses who
            stands before another; 1 refuses none. Boxes only: masks that overlap are cut instead.
    """

    high_score: Score = 0.45
    low_score: Score = 0.1
    confirm_score: NotNegative = 0.5
    tentative_gap: Count = 1
    max_gap: Annotated[int, Between(0, 100_000)] = 30
    birth_overlap: Share = 0.5

    def __post_init__(self) -> None:
        check(self)
        require(self.low_score <= self.high_score, "low_score", f"at most high_score, {self.high_score}",
                self.low_score)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """What is output where nobody detected a track.

    Attributes:
        predict_missing: frames for which `link` outputs a missing track where it is expected, if that is within the
            frame. Raising it finds more and is wrong more often; 0 outputs detections only. Boxes only.
        predict_missing_masks: the same where detections have masks, of which none is output that others hide by more
            than half.
        predict_score: accumulated score that a track needs for that. Raising it predicts old tracks only.
    """

    predict_missing: Annotated[int, Between(0, 1000)] = 4
    predict_missing_masks: Annotated[int, Between(0, 1000)] = 1
    predict_score: NotNegative = 2.0

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """How the tracker predicts, compares, decides and outputs.

    Attributes:
        motion: where tracks are expected.
        association: how pairs are chosen.
        mask_costs: what pairs cost where detections have masks.
        box_costs: what pairs cost where they have not.
        lifecycle: when tracks begin, count and end.
        output: what is output where nobody detected a track.

    Examples:
        >>> settings = TrackerSettings().changed(max_gap=60, **{"box_costs.gate": 1.0})
        >>> settings.lifecycle.max_gap, settings.box_costs.gate, settings.mask_costs.gate
        (60, 1.0, 2.0)
    """

    motion: MotionSettings = field(default_factory=MotionSettings)
    association: AssociationSettings = field(default_factory=AssociationSettings)
    mask_costs: CostWeights = MASK_COSTS
    box_costs: CostWeights = BOX_COSTS
    lifecycle: LifecycleSettings = field(default_factory=LifecycleSettings)
    output: OutputSettings = field(default_factory=OutputSettings)

    def __post_init__(self) -> None:
        check(self)

    def changed(self, **values: Any) -> TrackerSettings:
        """Return the settings with some fields replaced.

        Args:
            values: by `group.field`, or by the field's name alone, in every group that has it.

        Raises:
            ValueError: an unknown name, or a value that its field does not take.
        """
        groups: dict[str, dict[str, Any]] = {}
        for key, value in values.items():
            for name in places(key):
                groups.setdefault(name, {})[key.rpartition(".")[2]] = value
        return replace(self, **{name: replace(getattr(self, name), **changes) for name, changes in groups.items()})


GROUPS: Mapping[str, type] = {
    "motion": MotionSettings,
    "association": AssociationSettings,
    "mask_costs": CostWeights,
    "box_costs": CostWeights,
    "lifecycle": LifecycleSettings,
    "output": OutputSettings,
}


def places(key: str) -> list[str]:
    """Groups in which a field is that is named with or without its group; raises ValueError where none has it."""
    group, _, name = key.rpartition(".")
    groups = [
        title
        for title, kind in GROUPS.items()
        if group in ("", title) and name in {field.name for field in fields(kind)}
    ]
    if not groups:
        allowed = ", ".join(sorted({field.name for kind in GROUPS.values() for field in fields(kind)}))
        raise ValueError(f"the name of a setting must be one of {allowed}. Got {key}")
    return groups


_PAPER_COSTS = CostWeights(
    alpha=ALPHA, distance="plain", vertical_weight=1.0, overlap_weight=0.0, size_weight=0.0, gap_weight=0.0,
    score_weight=0.0, new_track_penalty=0.0, speed_weight=0.0, max_cost=1e6,
)  # fmt: skip
PRESETS: Mapping[str, TrackerSettings] = {
    "best": TrackerSettings(),
    # Eq. 7 to 9 and nothing else, Algorithm 1, the matching cascade, and two thresholds in two rounds (III-C). The gate
    # is the cascade's, as in DeepSORT, whose size is not printed; nor are the thresholds and how long a track may miss.
    "paper": TrackerSettings(
        motion=MotionSettings(
            robust=0.0,
            adaptation=0.0,
            velocity_decay=1.0,
            velocity_decay_masks=1.0,
            common_start=False,
            camera_motion=False,
        ),
        association=AssociationSettings(matching="bi-greedy", cascade=True, two_rounds=True),
        mask_costs=_PAPER_COSTS,
        box_costs=_PAPER_COSTS,
        lifecycle=LifecycleSettings(confirm_score=0.0, birth_overlap=1.0),
        output=OutputSettings(predict_missing=0, predict_missing_masks=0),
    ),
}
# What the preset `paper` leaves open: Table VIII's rows, and values that are not printed.
PAPER_OPEN = (
    "motion.points", "association.cue_terms", "lifecycle.high_score", "lifecycle.low_score", "lifecycle.max_gap",
    "mask_costs.gate", "box_costs.gate",
)  # fmt: skip

__all__ = [
    "ALPHA", "BOX_COSTS", "GROUPS", "MASK_COSTS", "PAPER_OPEN", "PRESETS",
    "AssociationSettings", "CostWeights", "CueTerms",
    "LifecycleSettings", "Matching", "Motion", "MotionSettings", "OutputSettings",
    "TrackerSettings",
]  # fmt: skip
