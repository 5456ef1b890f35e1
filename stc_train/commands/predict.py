"""`stc-predict`: instance masks of videos with a trained model, from RGB alone."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from stc_pseudo.commands.dataset_flags import DatasetFlags, dataset_options


@click.command(context_settings={"show_default": True})
@click.argument("checkpoint", type=click.Path(path_type=Path))
@dataset_options(own=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for {sequence}.txt.")
@click.option("--score-threshold", type=click.FloatRange(0, 1), default=0.05, help="Leave out detections below.")
@click.option("--batch-size", type=click.IntRange(min=1), default=1, help="Frames at a time.")
@click.option("--device", default="cpu", help="cpu, cuda or cuda:N.")
def main(data: DatasetFlags, checkpoint: Path, out: Path, score_threshold: float, batch_size: int,
         device: str) -> None:
    """Find the objects on every frame with CHECKPOINT, a model.pth of `stc-train`."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    from stc_train import model_file, prediction

    model = model_file.load(checkpoint, "CHECKPOINT")
    videos = data.read(boxes=False)
    written = prediction.predict(model, videos, out, score_threshold=score_threshold, batch_size=batch_size,
                                 device=device)
    logging.info("wrote %d detections to %s", written, out)
