"""Boxes from masks: `python -m pipelines.davis --root DAVIS --out runs/davis`.

Reads videos in the layout of DAVIS, `{sequence}/images/NNNNN.jpg` and `{sequence}/masks/NNNNN.png` (pixel value k is
object k), and writes the tight boxes as MOT-Challenge text and the masks as MOTS text:

    stc-pseudo build --frames DAVIS --boxes OUT/boxes --class-names object --out STORE ...
    stc-pseudo inspect STORE --truth OUT/truth
"""

from __future__ import annotations

from pathlib import Path

import click

from stc_track.io.console import Command
from stc_track.io.options import PATH


def write_sequence(masks: Path, boxes: Path, truth: Path) -> int:
    """Write one video's boxes and masks, and return how many there are.

    Args:
        masks: folder of indexed PNG files, a frame each, named by the frame's number.
        boxes: MOT-Challenge text to write; frames count from 1, the upper left pixel is (1, 1).
        truth: MOTS text to write.
    """
    import numpy as np
    from PIL import Image

    from stc_track.io.files import replacing
    from stc_track.masks import rle

    rows, lines = [], []
    for position, path in enumerate(sorted(masks.glob("*.png")), 1):
        values = np.array(Image.open(path))
        height, width = values.shape
        for k in np.unique(values[values > 0]).tolist():
            counts = rle.encode(values == k)
            x1, y1, x2, y2 = rle.tight_box(counts, height, width).tolist()
            rows.append(f"{position},{k},{x1 + 1:g},{y1 + 1:g},{x2 - x1:g},{y2 - y1:g},1,1,1\n")
            lines.append(f"{int(path.stem)} {1000 + k} 1 {height} {width} {counts.decode()}\n")
    for path, text in ((boxes, rows), (truth, lines)):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, "w") as file:
            file.writelines(text)
    return len(rows)


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--root", type=PATH, required=True, help="Folder of {sequence}/images and {sequence}/masks.")
@click.option("--out", type=PATH, default=Path("runs/davis"), help="Folder to write to.")
def main(root: Path, out: Path) -> None:
    """Write every video's tight boxes and true masks."""
    for masks in sorted(root.glob("*/masks")):
        name = masks.parent.name
        count = write_sequence(masks, out / "boxes" / f"{name}.txt", out / "truth" / f"{name}.txt")
        click.echo(f"{name}: {count} boxes")


if __name__ == "__main__":
    main()
