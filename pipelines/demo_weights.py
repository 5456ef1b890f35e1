"""The segmenter that the demo starts from: `python -m pipelines.demo_weights --out runs/demo_weights`.

Renders many short street scenes of another seed than the demo's, labels their boxes twice, with the shipped depth and
flow networks and with the renderer's exact depth and flow, trains from ImageNet's weights on the one and then on the
other, and writes the model in half precision. No mask of the renderer is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import torch

from pipelines.reporting.commands import Stages
from stc_pseudo.nn import weights
from stc_track.io.console import Command, is_verbose
from stc_track.io.options import PATH
from stc_train import shipped

SEED, SEQUENCES, FRAMES = 60, 160, 4
CONFIG = "condinst_lite0_demo"
EXACT = ("--depth", "precomputed", "--flow", "precomputed")
SOURCES: dict[str, tuple[str, ...]] = {"networks": (), "exact": EXACT}
# One training goes on from the other: labels, steps of two frames, learning rate, seed.
TRAININGS = (("networks", 6000, 5e-4, 0), ("exact", 3000, 5e-4, 0), ("exact", 2200, 4e-4, 1))


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--out", type=PATH, default=Path("runs/demo_weights"), help="Folder of all it writes.")
@click.option("--model", type=PATH, default=shipped.SEGMENTER, help="The model's file.")
@click.option("--sequences", default=SEQUENCES, help="Scenes.")
@click.option("--workers", default=2, help="Processes that render and build.")
def main(out: Path, model: Path, sequences: int, workers: int) -> None:
    """Make the demo's segmenter again: about two hours on two CPU cores."""
    from stc_pseudo.synthetic import render_dataset

    stages, data = Stages(is_verbose()), out / "data"
    render_dataset(data, sequences=sequences, frames=FRAMES, seed=SEED, stereo=False, workers=workers)
    for labels, flags in SOURCES.items():
        place = ("--workers", workers, "--out", out / labels)
        stages.run("stc-pseudo", "build", "--dataset", "demo", "--root", data, *place, *flags)
    start: tuple[object, ...] = ()
    for k, (labels, steps, rate, seed) in enumerate(TRAININGS):
        folder = out / f"train_{k}"
        schedule = ("--max-iters", steps, "--seed", seed, "--cfg-options", f"optim_wrapper.optimizer.lr={rate}")
        place = ("--pseudo-store", out / labels, "--config", CONFIG, "--work-dir", folder)
        # One thread: on so small a network two wait for each other longer than they gain.
        stages.run("stc-train", *place, *start, *schedule, threads=1)
        start = ("--init-model", folder / "model.pth")
    model.parent.mkdir(parents=True, exist_ok=True)
    weights.save(model, halved(weights.load(folder / "model.pth", "--out")))
    click.echo(f"wrote {model}: {model.stat().st_size / 1e6:.1f} MB")


def halved(content: dict[str, Any]) -> dict[str, Any]:
    """A `model.pth` with its weights in float16; whole numbers stay as they are."""
    state = {k: v.half() if torch.is_floating_point(v) else v for k, v in content["state"].items()}
    return content | {"state": state}


if __name__ == "__main__":
    main()
