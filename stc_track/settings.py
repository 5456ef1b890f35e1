"""Every choice of the tracker; Table VIII's rows are switches of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

from stc_track.cues import CueTerms
from stc_track.matching import Matching
from stc_track.motion import KalmanSettings, Motion

ALPHA = (0.7, 0.2, 0.1)  # Eq. 9's weights of position, depth and flow


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """How the tracker predicts, compares and decides. Distances are in box diagonals, the mean of both boxes'.

    Attributes:
        motion: which points are filtered: both diagonal corners, the centre, or none: the last place is expected.
        matching: Algorithm 1 (`bi-greedy`), least sum of costs (`hungarian`), or cheapest pair first (`greedy`).
        cue_terms: which of Eq. 9's depth and flow terms count where detections carry cues.
        cascade: tracks seen last frame choose first, then those missing for one frame, and so on.
        single_threshold: leave out the second round, of detections between `low_score` and `high_score`.
        high_score: detections of at least this score are matched first, and begin tracks.
        low_score: detections of at least this score may continue a track.
        alpha: Eq. 9's weights of position, depth and flow.
        mask_weight: weight of 1 - `overlap.coverage` of the moved mask and the detection's; 0 compares no masks.
        gate: largest distance of a pair.
        reach: largest distance of a pair in the last round, between what is left over; 0 leaves that round out.
        size_weight: weight of the difference of the boxes' log width and log height in the last round.
        reach_frames: tracks missing for more frames than this stay out of the last round.
        common_start: a new track starts with the other tracks' common velocity, which a turning camera gives to all.
        coast: share of its velocity that a missing track keeps from frame to frame.
        max_gap: frames that a track may be missing before it ends.
        kalman: the filter's noise.
    """

    motion: Motion = "diagonal"
    matching: Matching = "bi-greedy"
    cue_terms: CueTerms = "both"
    cascade: bool = False
    single_threshold: bool = False
    high_score: float = 0.5
    low_score: float = 0.1
    alpha: tuple[float, float, float] = ALPHA
    mask_weight: float = 1.0
    gate: float = 1.5
    reach: float = 2.0
    size_weight: float = 2.0
    reach_frames: int = 2
    common_start: bool = True
    coast: float = 0.8
    max_gap: int = 10
    kalman: KalmanSettings = field(default_factory=KalmanSettings)

    def __post_init__(self) -> None:
        for name, choices in (("motion", Motion), ("matching", Matching), ("cue_terms", CueTerms)):
            if getattr(self, name) not in get_args(choices):
                raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}. Got {getattr(self, name)!r}")
        if self.low_score > self.high_score:
            raise ValueError(f"low_score must be at most high_score, {self.high_score}. Got {self.low_score}")
