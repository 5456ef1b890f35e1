"""Training logs: TensorBoard's scalars and pictures, and the pictures as PNG."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import numpy as np

from stc_track.io.files import replacing


class TrainingLog:
    """Writes into a folder, or nowhere.

    Args:
        folder: for TensorBoard's event files and `epoch_{number}.png`; None writes nothing.
        step: the step that the training goes on from: what an interrupted run logged beyond it is hidden.
    """

    def __init__(self, folder: Path | None, step: int = 0) -> None:
        self.folder, self.writer = folder, None
        if folder is not None:
            from torch.utils.tensorboard import SummaryWriter

            self.writer = SummaryWriter(str(folder), purge_step=step)

    def __enter__(self) -> TrainingLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.writer is not None:
            self.writer.close()

    def scalars(self, group: str, figures: dict[str, float], step: int) -> None:
        """Record figures as `group/name` at a step."""
        if self.writer is not None:
            for name, figure in figures.items():
                self.writer.add_scalar(f"{group}/{name}", figure, step)

    def picture(self, picture: np.ndarray, epoch: int, step: int) -> None:
        """Record an (H, W, 3) uint8 RGB picture of an epoch."""
        if self.writer is None:
            return
        import cv2

        self.writer.add_image("validation/picture", picture, step, dataformats="HWC")
        _, encoded = cv2.imencode(".png", picture[..., ::-1])
        with replacing(self.folder / f"epoch_{epoch:03d}.png") as file:
            file.write(encoded.tobytes())
