"""What each mechanism of the tracker is worth, on real boxes and on masks: one row each, with that one switched off.

`python -m pipelines.tracking.mechanisms --boxes DIR --masks DIR` takes MOT-Challenge sequences with detections, and the
noisy true masks of the KITTI MOTS sequences that no setting was chosen on. A mechanism that the other kind of
detections does not use has "-" there.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click

from pipelines.tracking.box_metrics import BoxVideo, evaluate, read_video, summarise
from pipelines.tracking.boxes import ours
from pipelines.tracking.metrics import CLASSES, TUNING, Video, measure, read_truth, scores
from pipelines.tracking.noisy_detections import Noise
from pipelines.tracking.tune import noisy_videos
from stc_track.io.console import Command
from stc_track.io.options import PATH
from stc_track.tracking.link import link
from stc_track.tracking.settings import TrackerSettings

DEFAULT = TrackerSettings()
BOXES, MASKS = "boxes", "masks"


class Mechanism(NamedTuple):
    """A row: what is changed to be without the mechanism, and which detections use it."""

    name: str
    changes: dict[str, Any]
    used_by: tuple[str, ...] = (BOXES, MASKS)


MECHANISMS = (
    Mechanism("default", {}),
    Mechanism("centre point", {"points": "center"}),
    Mechanism("no filter", {"points": "none"}),
    Mechanism("jumps are motion", {"robust": 0.0}),
    Mechanism("noise as it is set", {"adaptation": 0.0}, (BOXES,)),
    Mechanism("new tracks start at rest", {"common_start": False}),
    Mechanism("missing tracks keep their velocity", {"velocity_decay": 1.0, "velocity_decay_masks": 1.0}),
    Mechanism("no camera motion", {"camera_motion": False}, (BOXES,)),
    Mechanism("no term of position", {"mask_costs.alpha": (0.0, 0.2, 0.1)}, (MASKS,)),
    Mechanism("no overlap", {"overlap_weight": 0.0}),
    Mechanism("the last mask alone", {"mask_costs.former_mask": 0.0}, (MASKS,)),
    Mechanism("sizes do not count", {"mask_costs.size_weight": 0.0}, (MASKS,)),
    Mechanism("no buffer", {"box_costs.buffer": 0.0, "box_costs.buffer_growth": 0.0}, (BOXES,)),
    Mechanism("a buffer that does not grow", {"box_costs.buffer_growth": 0.0}, (BOXES,)),
    Mechanism("gaps do not count", {"gap_weight": 0.0}),
    Mechanism("scores do not count", {"score_weight": 0.0}),
    Mechanism("new tracks count as proved ones", {"new_track_penalty": 0.0}),
    Mechanism("speed does not count", {"mask_costs.speed_weight": 0.0}, (MASKS,)),
    Mechanism("births beside live tracks", {"birth_overlap": 1.0}, (BOXES,)),
    Mechanism("detections alone", {"predict_missing": 0, "predict_missing_masks": 0}),
    Mechanism("cheapest pair first", {"matching": "greedy"}),
    Mechanism("Algorithm 1", {"matching": "bi-greedy"}),
    Mechanism("two rounds", {"two_rounds": True}),
    Mechanism("cascade", {"cascade": True}),
)
_NO_CELLS = f"{'-':>8}{'-':>8}{'-':>5}"


def box_cells(videos: list[BoxVideo], settings: TrackerSettings) -> str:
    """HOTA, AssA and identity switches of all sequences together, in columns."""
    run = ours(settings)
    found = summarise({video.name: evaluate(video, run(video)) for video in videos})
    return f"{found.HOTA:8.2f}{found.AssA:8.2f}{found.id_switches:5d}"


def mask_cells(videos: dict[str, Video], settings: TrackerSettings) -> str:
    """HOTA, AssA and identity switches of either class, in columns."""
    found = scores(measure(videos, partial(link, settings=settings)))
    return "".join(
        f"{found[name].HOTA:8.2f}{found[name].AssA:8.2f}{found[name].id_switches:5d}" if name in found else _NO_CELLS
        for name in CLASSES
    )


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--boxes", "box_root", required=True, type=PATH, help="Folder of {sequence}/det, gt, seqinfo.")
@click.option("--masks", "mask_root", required=True, type=PATH, help="Data set with instances_txt.")
@click.option("--seed", default=0, help="Of the masks' noise; the settings were chosen with others.")
def main(box_root: Path, mask_root: Path, seed: int) -> None:
    """Switch each mechanism off alone, on boxes and on masks."""
    folders = sorted(folder for folder in box_root.iterdir() if (folder / "det" / "det.txt").is_file())
    box_videos = [read_video(folder) for folder in folders]
    names = tuple(name for name in read_truth(mask_root) if name not in TUNING)
    mask_videos = noisy_videos(mask_root, names, Noise(seed=seed))
    click.echo(f"boxes: {', '.join(video.name for video in box_videos)}\nmasks: {', '.join(names)}; noise seed {seed}")
    columns = f"{'HOTA':>8}{'AssA':>8}{'sw.':>5}"
    click.echo(f"{'':36}{'boxes':>21}{'cars':>21}{'pedestrians':>21}\n{'':36}{columns * 3}")
    for name, changes, used_by in MECHANISMS:
        settings = DEFAULT.changed(**changes)
        on_boxes = box_cells(box_videos, settings) if BOXES in used_by else _NO_CELLS
        on_masks = mask_cells(mask_videos, settings) if MASKS in used_by else _NO_CELLS * len(CLASSES)
        click.echo(f"{name:36}{on_boxes}{on_masks}")


if __name__ == "__main__":
    main()
