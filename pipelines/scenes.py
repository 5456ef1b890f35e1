"""Render scenes to measure on: `python -m pipelines.scenes --seed 9 --out runs/scenes_9`.

The demo's street scenes of any seed, with true masks, exact depth and flow and right frames, in KITTI MOTS's layout;
`stc-pseudo build --dataset demo --root` takes the folder. Settings were chosen on seeds 8 and 9; the demo has seed 0.
"""

from __future__ import annotations

from pathlib import Path

import click

from stc_track.io.console import Command
from stc_track.io.options import PATH


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--out", type=PATH, required=True, help="Folder to write to.")
@click.option("--seed", default=9, help="Of the scenes.")
@click.option("--sequences", default=6, help="How many scenes.")
@click.option("--frames", default=4, help="Of each, ten a second.")
@click.option("--workers", default=1, help="Processes that render.")
def main(out: Path, seed: int, sequences: int, frames: int, workers: int) -> None:
    """Render what is not there yet."""
    from stc_pseudo.synthetic import render_dataset

    render_dataset(out, sequences=sequences, frames=frames, seed=seed, workers=workers)


if __name__ == "__main__":
    main()
