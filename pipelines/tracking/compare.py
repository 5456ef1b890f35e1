"""Our tracker beside SORT, ByteTrack and OC-SORT on the same noisy detections, and Table VIII's rows.

`python -m pipelines.tracking.compare --root DIR` perturbs the true masks of the KITTI MOTS sequences that no setting
was chosen on, by another seed than theirs, and prints HOTA, its two factors and the identity switches of both classes.
`--cues STORE` adds the rows with depth and flow, of a store that holds the sequences.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from pipelines.baselines.public_trackers import BASELINES, link_by_baseline
from pipelines.tracking.metrics import CLASSES, TUNING, Link, Video, measure, read_truth, scores
from pipelines.tracking.noisy_detections import Noise
from pipelines.tracking.tune import noisy_videos
from stc_track.evaluation.mots import Scores
from stc_track.io.console import Command
from stc_track.io.errors import InputError
from stc_track.io.files import replacing
from stc_track.io.options import PATH
from stc_track.tracking.cues import CueReader
from stc_track.tracking.link import link
from stc_track.tracking.offline import whole_sequence
from stc_track.tracking.settings import TrackerSettings
from stc_track.tracking.smoothing import SmoothingSettings, smoothed

DEFAULT = TrackerSettings()
DETECTED = DEFAULT.changed(predict_missing_masks=0)
DELAYED = SmoothingSettings(fill_gap=5, min_hits=2)
# the best of `track_tuning --tracker NAME` on the tuning sequences, noise seed 1, or better ones found by hand there
TUNED = {
    "SORT": {
        "track_activation_threshold": 0.31,
        "minimum_consecutive_frames": 2,
        "low_score": 0.238,
        "minimum_iou_threshold": 0.076,
        "lost_track_buffer": 48,
    },
    "ByteTrack": {"track_activation_threshold": 0.5, "high_conf_det_threshold": 0.5, "minimum_consecutive_frames": 1},
    "OC-SORT": {
        "low_score": 0.304,
        "direction_consistency_weight": 0.363,
        "minimum_iou_threshold": 0.217,
        "minimum_consecutive_frames": 1,
        "high_conf_det_threshold": 0.28,
        "delta_t": 2,
        "lost_track_buffer": 11,
    },
}
ONLINE: dict[str, Link] = {
    "ours, centre point": partial(link, settings=DEFAULT.changed(points="center")),
    "ours, diagonal points (default)": partial(link, settings=DEFAULT),
    "ours, detections' masks alone": partial(link, settings=DETECTED),
    "ours, Algorithm 1 in two rounds": partial(link, settings=DEFAULT.changed(matching="bi-greedy", two_rounds=True)),
    **{f"{name}, its defaults": partial(link_by_baseline, name=name, options={}) for name in BASELINES},
    **{f"{name}, tuned": partial(link_by_baseline, name=name, options=TUNED[name]) for name in BASELINES},
}
OFFLINE: dict[str, Link] = {
    "ours, not online: gaps filled": partial(link, settings=DEFAULT, delayed=partial(smoothed, settings=DELAYED)),
    "ours, --offline": partial(link, settings=DEFAULT, delayed=whole_sequence),
}


def with_cues(videos: dict[str, Video], store: str, settings: TrackerSettings, use: bool) -> dict[str, dict]:
    """As `measure`, with each sequence's depth and flow where `use` says so."""
    parts = {}
    for name, video in videos.items():
        cues = CueReader(store, name) if use else None
        parts |= measure({name: video}, partial(link, settings=settings, cues=cues))
    return parts


CUE_ROWS = {
    "centre point": (DEFAULT.changed(points="center"), False),
    "diagonal points": (DEFAULT, False),
    "diagonal points, depth": (DEFAULT.changed(camera_motion=False, cue_terms="depth"), True),
    "diagonal points, flow": (DEFAULT.changed(camera_motion=False, cue_terms="flow"), True),
    "diagonal points, depth and flow": (DEFAULT.changed(camera_motion=False), True),
    "the same, camera's motion removed": (DEFAULT, True),
}


def table(
    rows: dict[str, Callable[[], dict[str, dict]]], processes: int, say: Callable[[str], None]
) -> dict[str, dict[str, Scores]]:
    """Figures of each row, measured by its call, said as soon as they are known."""
    head = "".join(f"{name:>12}{'DetA':>7}{'AssA':>7}{'MOTSA':>7}{'switches':>9}" for name in CLASSES)
    say(f"{'':48}{head}")
    figures = {}
    with ProcessPoolExecutor(processes) as pool:
        for row, future in [(row, pool.submit(call)) for row, call in rows.items()]:
            figures[row] = scores(future.result())
            say(f"{row:48}" + "".join(_cells(figures[row].get(name)) for name in CLASSES))
    return figures


def _cells(row: Scores | None) -> str:
    if row is None:
        return f"{'-':>12}" + " " * 30
    return f"{row.HOTA:12.2f}{row.DetA:7.1f}{row.AssA:7.1f}{row.MOTSA:7.1f}{row.id_switches:9d}"


def _others(root: Path, sequences: Iterable[str] | None) -> tuple[str, ...]:
    return tuple(sequences or (name for name in read_truth(root) if name not in TUNING))


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--root", required=True, type=PATH, help="Data set with instances_txt.")
@click.option("--sequences", help="Comma-separated.  [default: all that no setting was chosen on]")
@click.option("--seed", default=0, help="Of the noise; the settings were chosen with seed 1.")
@click.option("--rows", "part", default="", help="Only rows whose name contains this.")
@click.option("--processes", default=1, help="Rows that are measured at a time.")
@click.option("--cues", metavar="STORE", help="Store of the sequences: adds Table VIII's rows with depth and flow.")
@click.option("--json", "json_file", type=PATH, help="Write the figures to this file as well.")
def main(
    root: Path, sequences: str | None, seed: int, part: str, processes: int, cues: str | None, json_file: Path | None
) -> None:
    """Measure our tracker and public ones on the same noisy detections."""
    names, noise = _others(root, sequences and sequences.split(",")), Noise(seed=seed)
    click.echo(
        f"noise: {noise}\nours: {DEFAULT}\nbaselines tuned: {TUNED}\nnot online: {DELAYED}\n\n{', '.join(names)}"
    )
    videos = noisy_videos(root, names, noise)
    rows = {row: partial(measure, videos, run) for row, run in (ONLINE | OFFLINE).items() if part in row}
    if not rows:
        raise InputError("--rows", expected=f"a part of a row's name ({', '.join(ONLINE | OFFLINE)})", found=part)
    figures = {"sequences": table(rows, processes, click.echo)}
    if cues:
        click.echo("\nTable VIII's rows with depth and flow")
        rows = {row: partial(with_cues, videos, cues, *arguments) for row, arguments in CUE_ROWS.items()}
        figures["cues"] = table(rows, processes, click.echo)
    if json_file:
        plain = {
            part: {
                row: {name: asdict(class_scores) for name, class_scores in by_class.items()}
                for row, by_class in rows.items()
            }
            for part, rows in figures.items()
        }
        with replacing(json_file, "w") as file:
            json.dump({"noise": asdict(noise), **plain}, file, indent=2)


if __name__ == "__main__":
    main()
