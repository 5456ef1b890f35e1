"""Every choice of the tracker; Table VIII's rows are switches of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import get_args

from stc_track.tracking.cues import CueTerms
from stc_track.tracking.kalman import STILL, KalmanSettings, Motion
from stc_track.tracking.matching import Matching

ALPHA = (0.7, 0.2, 0.1)  # Eq. 9's weights of position, depth and flow


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """How the tracker predicts, compares and decides.

    A pair's cost is Eq. 9 with what else speaks against it (`costs.pairs`); it is possible below `limit`.

    Attributes:
        motion: which points are filtered: both diagonal corners, the centre, or none: the last place is expected.
        matching: Algorithm 1 (`bi-greedy`), least sum of costs (`hungarian`), or cheapest pair first (`greedy`).
        cue_terms: which of Eq. 9's depth and flow terms count where detections carry cues.
        camera_motion: let tracks follow the background's motion where detections carry it.
        cascade: tracks seen last frame choose first, then those missing for one frame, and so on.
        two_rounds: detections below `high_score` choose after the others; otherwise together.
        high_score: detections of at least this score begin tracks.
        low_score: detections of at least this score may continue a track.
        confirm_score: a track is confirmed when its detections' scores add up to this; 0 confirms all at once.
        tentative_gap: frames that a track may be missing before it is confirmed.
        alpha: Eq. 9's weights of position, depth and flow, each in standard deviations.
        vertical: what a vertical deviation counts beside a horizontal one: what hides objects cuts their height.
        mask_weight: cost of masks that do not meet, `1 - IoU` of the moved mask and the detection's; of boxes where
            there are no masks.
        gap_weight: cost of each frame that the track was missing; with `limit` it ends most tracks before a `max_gap`
            above 20 does.
        score_weight: cost of a detection of score 0, less for better ones; none from score 1 on.
        young_weight: cost of a track without any evidence; none from where its detections' scores add up to 1.
        speed_weight: what is taken off the cost for each diagonal a frame, up to 0.3, that the track moves: masks of
            what is fast meet less.
        limit: largest cost of a pair.
        gate: largest distance of a pair in box diagonals, the mean of both boxes'.
        common_start: a new track starts with the other tracks' common velocity, which a turning camera gives to all.
        coast: share of its velocity that a missing track keeps from frame to frame.
        max_gap: frames that a track may be missing before it ends.
        predict_missing: frames for which `link` gives out a missing track where it is expected, if that is within the
            frame and not behind others, on frames that have detections; 0 gives detections only.
        predict_score: sum of the scores of the detections that a track must have had for that.
        kalman: the filter's noise.
    """

    motion: Motion = "diagonal"
    matching: Matching = "hungarian"
    cue_terms: CueTerms = "both"
    camera_motion: bool = True
    cascade: bool = False
    two_rounds: bool = False
    high_score: float = 0.4
    low_score: float = 0.2
    confirm_score: float = 0.5
    tentative_gap: int = 1
    alpha: tuple[float, float, float] = ALPHA
    vertical: float = 0.15
    mask_weight: float = 9.0
    gap_weight: float = 0.65
    score_weight: float = 5.5
    young_weight: float = 4.0
    speed_weight: float = 10.0
    limit: float = 14.5
    gate: float = 2.0
    common_start: bool = True
    coast: float = 0.8
    max_gap: int = 20
    predict_missing: int = 1
    predict_score: float = 2.0
    kalman: KalmanSettings = field(default_factory=KalmanSettings)

    def __post_init__(self) -> None:
        for name, choices in (("motion", Motion), ("matching", Matching), ("cue_terms", CueTerms)):
            if getattr(self, name) not in get_args(choices):
                raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}. Got {getattr(self, name)!r}")
        if self.low_score > self.high_score:
            raise ValueError(f"low_score must be at most high_score, {self.high_score}. Got {self.low_score}")
        for name in ("mask_weight", "gap_weight", "score_weight", "young_weight", "speed_weight", "gate", "limit"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0. Got {getattr(self, name)}")

    @property
    def filter(self) -> KalmanSettings:
        """What the tracks are filtered with."""
        return STILL if self.motion == "none" else self.kalman
