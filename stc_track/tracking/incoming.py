"""What a sequence's first frames tell before it is tracked: by how much frame numbers step, and the scale of scores."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

from stc_track.formats.mots import Detection
from stc_track.io.errors import InputError

_LOOK_AHEAD = 32  # frames
_FEWEST_STEPS = 3  # equal ones are no chance
_PERCENT = 100.0

logger = logging.getLogger(__name__)


class Incoming:
    """One sequence's detections, a frame at a time.

    Args:
        detections: by increasing frame.
        where: names the sequence in messages.
        frame_step: difference of neighbouring frames' numbers; None finds it: the largest that divides all differences
            of the first frames, where they are enough to tell.
        score_scale: what stands for certainty, 1 or 100; None finds it.

    Raises:
        InputError: scores of two scales, or of none that is known; while frames are read as well.

    Attributes:
        frame_step: as given or found.
    """

    def __init__(
        self,
        detections: Iterable[Detection],
        where: str = "detections",
        frame_step: int | None = None,
        score_scale: float | None = 1.0,
    ) -> None:
        self._where = where
        self._groups = (list(group) for _, group in itertools.groupby(detections, key=lambda item: item.frame))
        self._first = list(itertools.islice(self._groups, _LOOK_AHEAD))
        self.frame_step = frame_step or self._found_step()
        self._found_scale = score_scale is None
        self._scale = score_scale or self._scale_of([detection for group in self._first for detection in group])
        if self._found_scale and self._scale != 1:
            logger.warning("%s: scores of 0 to 100 are divided by 100 (`score_scale=`)", where)
        if frame_step is None and self.frame_step > 1:
            logger.warning("%s: frame numbers step by %d: a frame rate, not gaps", where, self.frame_step)

    def frames(self) -> Iterator[list[Detection]]:
        """Detections of each frame that has any."""
        for group in itertools.chain(self._first, self._groups):
            if self._found_scale:
                self._require_scale(group)
            yield group if self._scale == 1 else [replace(item, score=item.score / self._scale) for item in group]

    def _found_step(self) -> int:
        numbers = [group[0].frame for group in self._first]
        steps = [later - earlier for earlier, later in itertools.pairwise(numbers)]
        return math.gcd(*steps) if len(steps) >= _FEWEST_STEPS else 1

    def _scale_of(self, detections: list[Detection]) -> float:
        return _PERCENT if max((item.score for item in detections), default=0) > 1 else 1.0

    def _require_scale(self, group: list[Detection]) -> None:
        if self._scale == 1 and max(item.score for item in group) <= 1:
            return
        for item in group:
            fits = item.score <= 1 if self._scale == 1 else item.score == 0 or 1 <= item.score <= _PERCENT
            if not fits:
                known = "0 to 1" if self._scale == 1 else "1 to 100"
                raise InputError(
                    f"{self._where}: frame {item.frame}", expected=f"scores of {known} as in the frames before",
                    found=f"{item.score:g}", hint="`score_scale=`, 1 or 100, says what all are",
                )  # fmt: skip
