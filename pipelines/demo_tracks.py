"""`make demo-tracks`: link shipped detections of a rendered street scene to tracks, and draw them as video.

Needs neither torch nor a data set: the frames are rendered, the detections are those that the demo's segmenter found in
them, as `stc-predict` writes them. In well under a minute.
"""

from __future__ import annotations

import time
from pathlib import Path

import click

from pipelines.reporting.commands import Stages
from stc_track.io.console import Command, is_verbose
from stc_track.io.options import PATH

DETECTIONS = Path(__file__).parents[1] / "data" / "demo_tracks"  # {sequence}.txt
SEED, SEQUENCES, FRAMES, RATE = 3, 1, 40, 10  # of the scene that was detected in


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--out", type=PATH, default=Path("runs/demo_tracks"), help="Folder of all it writes.")
@click.option("--workers", default=2, help="Processes that render.")
def main(out: Path, workers: int) -> None:
    """Detections in, tracks and a video out."""
    started, stages, data = time.monotonic(), Stages(is_verbose()), out / "data"
    render(data, workers)
    stages.run("stc-track", DETECTIONS, "--out", out / "results")
    stages.run("stc-eval", out / "results", "--truth", data / "instances_txt")
    stages.run("stc-video", out / "results", "--frames", data, "--fps", RATE, "--out", out / "videos")
    click.echo(f"{out / 'videos' / '0000.mp4'}, after {time.monotonic() - started:.0f} s")


def render(data: Path, workers: int) -> None:
    """Render the scene, as far as it is not there yet."""
    from stc_pseudo.synthetic import render_dataset

    render_dataset(data, sequences=SEQUENCES, frames=FRAMES, seed=SEED, stereo=False, workers=workers)


if __name__ == "__main__":
    main()
