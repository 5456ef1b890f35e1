"""`stc-export`: a trained model as one file that runs without this project."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import click

from stc_track.io.console import Command, is_verbose
from stc_track.io.options import PATH

log = logging.getLogger(__name__)


@click.command(cls=Command, context_settings={"show_default": True})
@click.argument("checkpoint", type=PATH)
@click.option("--out", type=PATH, required=True, help="The .pt2 file to write.")
@click.option("--size", required=True, metavar="HEIGHTxWIDTH", help="Of the pictures that it will take, pixels.")
@click.option("--score-threshold", type=click.FloatRange(0, 1), default=0.05, help="Leave out candidates below.")
@click.option("--device", default="cpu", show_default=True, help="That the graph will run on: cpu or cuda.")
def main(checkpoint: Path, out: Path, size: str, score_threshold: float, device: str) -> None:
    """Write CHECKPOINT, a model.pth of a CondInst, as a graph of torch.export.

    It takes a picture (3, H, W) uint8 RGB of --size, and gives boxes, scores, labels and soft masks.
    """
    match = re.fullmatch(r"(\d+)x(\d+)", size)
    if not match or not all(int(side) for side in match.groups()):
        raise click.BadParameter(f"expected HEIGHTxWIDTH, as 384x1248, found '{size}'", param_hint="--size")
    from stc_train.engine.progress import mute_libraries

    if not is_verbose():
        mute_libraries()
    from stc_train.inference.export import export
    from stc_train.models import model_file

    export(model_file.load(checkpoint, "CHECKPOINT"), out, (int(match[1]), int(match[2])), score_threshold, device)
    log.info("wrote %s", out)


if __name__ == "__main__":
    main()
