"""Link perfect detections: the true masks without their ids.

`python -m pipelines.tracking.oracle --root DIR` prints HOTA and identity switches of both classes, apart for the
sequences that settings were chosen on and for the others; `--variants` prints each switch of the tracker.
"""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path

import click

from pipelines.tracking.metrics import CLASSES, TUNING, Video, measure, read_truth, scores
from pipelines.tracking.noisy_detections import perfect
from stc_track.io.console import Command
from stc_track.io.files import replacing
from stc_track.io.options import PATH
from stc_track.tracking.link import link
from stc_track.tracking.settings import TrackerSettings

DEFAULT = TrackerSettings()
VARIANTS = {
    "centre point": DEFAULT.changed(points="center"),
    "no filter": DEFAULT.changed(points="none"),
    "Algorithm 1": DEFAULT.changed(matching="bi-greedy"),
    "greedy": DEFAULT.changed(matching="greedy"),
    "cascade": DEFAULT.changed(cascade=True),
    "no overlap": DEFAULT.changed(overlap_weight=0.0),
    "two rounds": DEFAULT.changed(two_rounds=True),
    "start at rest": DEFAULT.changed(common_start=False),
    "jumps are motion": DEFAULT.changed(robust=0.0),
}


def splits(names: list[str]) -> dict[str, list[str]]:
    """Sequences that settings were chosen on, the others, and all."""
    tuning = [name for name in names if name in TUNING]
    return {"tuning": tuning, "others": [name for name in names if name not in TUNING], "all": names}


@click.command(cls=Command)
@click.option("--root", required=True, type=PATH, help="Data set with instances_txt.")
@click.option("--variants", is_flag=True, help="Measure each switch of the tracker as well.")
@click.option("--json", "json_file", type=PATH, help="Write the figures to this file as well.")
def main(root: Path, variants: bool, json_file: Path | None) -> None:
    """Link the true masks of the KITTI MOTS training sequences and measure the tracks."""
    videos = {name: Video(perfect(frames), frames) for name, frames in read_truth(root).items()}
    chosen = {"default": DEFAULT} | (VARIANTS if variants else {})
    click.echo(f"default: {DEFAULT}")
    click.echo(f"{'':18}{'split':8}" + "".join(f"{name:>12}{'switches':>9}" for name in CLASSES) + f"{'seconds':>9}")
    figures: dict[str, dict] = {}
    for variant, settings in chosen.items():
        started = time.process_time()
        parts = measure(videos, partial(link, settings=settings))
        seconds = time.process_time() - started
        figures[variant] = {}
        for split, names in splits(list(videos)).items():
            by_class = scores({name: parts[name] for name in names}) if names else {}
            figures[variant][split] = {
                name: {"HOTA": class_scores.HOTA, "switches": class_scores.id_switches}
                for name, class_scores in by_class.items()
            }
            cells = (
                f"{by_class[name].HOTA:12.2f}{by_class[name].id_switches:9d}" if name in by_class else " " * 21
                for name in CLASSES
            )
            click.echo(f"{variant:18}{split:8}{''.join(cells)}{seconds:9.1f}")
    if json_file:
        with replacing(json_file, "w") as file:
            json.dump(figures, file, indent=2)


if __name__ == "__main__":
    main()
