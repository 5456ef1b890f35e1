"""Store to segmenter: the MMDetection trainer and predictor, and the puzzle loss.

The public names are imported when they are first asked for (PEP 562), so that `import stc_train` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stc_track.io.lazy_names import lazy_names

if TYPE_CHECKING:
    from stc_train.inference.predict import predict
    from stc_train.models.puzzle_loss import PuzzleLoss

__all__ = ["PuzzleLoss", "predict"]
__getattr__ = lazy_names(
    __name__, {"PuzzleLoss": "stc_train.models.puzzle_loss", "predict": "stc_train.inference.predict"}
)
