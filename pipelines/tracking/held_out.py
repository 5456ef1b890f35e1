"""Tuned against tuned on real boxes: settings chosen on two sequences, figures of the two others, then the other way.

`python -m pipelines.tracking.held_out --root DIR` gives every tracker the same search: as many trials, the same seed,
the same worth (HOTA less a price for each identity switch). Either half has a still camera and a moving one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from pipelines.tracking.box_metrics import HEAD, BoxVideo, evaluate, read_video, row, summarise
from pipelines.tracking.boxes import DEFAULT, Run, baseline, ours
from pipelines.tracking.tune import Ranges, Values, search, settings_are_possible
from stc_track.io.console import Command
from stc_track.io.options import PATH

OURS = "ours"
HALVES = ("02", "11"), ("05", "09")
_CONFIDENCE = {"low_score": (0.0, 0.3), "high_conf_det_threshold": (0.3, 0.8)}
_IN_COMMON = {"lost_track_buffer": (10, 90), "minimum_consecutive_frames": (1, 4)}
_THREE_ROUNDS = {
    **_IN_COMMON,
    **_CONFIDENCE,
    "track_activation_threshold": (0.4, 0.9),
    "minimum_iou_threshold_first_assoc": (0.05, 0.5),
    "minimum_iou_threshold_second_assoc": (0.1, 0.7),
    "minimum_iou_threshold_unconfirmed_assoc": (0.1, 0.6),
}
RANGES: dict[str, Ranges] = {
    OURS: {
        "lifecycle.high_score": (0.3, 0.8),
        "lifecycle.low_score": (0.0, 0.3),
        "lifecycle.max_gap": (10, 90),
        "lifecycle.birth_overlap": (0.1, 0.8),
        "box_costs.max_cost": (3.0, 9.0),
        "box_costs.buffer": (0.1, 0.5),
        "box_costs.buffer_growth": (0.0, 4.0),
        "box_costs.gap_weight": (0.0, 0.4),
    },
    "SORT": {**_IN_COMMON, "low_score": (0.0, 0.6), "track_activation_threshold": (0.1, 0.9),
             "minimum_iou_threshold": (0.01, 0.5)},
    "ByteTrack": {**_IN_COMMON, **_CONFIDENCE, "track_activation_threshold": (0.4, 0.9),
                  "minimum_iou_threshold": (0.01, 0.5)},
    "OC-SORT": {**_IN_COMMON, **_CONFIDENCE, "minimum_iou_threshold": (0.01, 0.5),
                "direction_consistency_weight": (0.0, 0.5), "delta_t": (1, 4)},
    "C-BIoU": {**_THREE_ROUNDS, "buffer_ratio_first": (0.0, 0.5), "buffer_ratio_second": (0.2, 0.8)},
    "BoT-SORT": _THREE_ROUNDS,
}  # fmt: skip


def runner(tracker: str, values: Values) -> Run:
    """The named tracker with these values, its own defaults beside them."""
    return ours(DEFAULT.changed(**values)) if tracker == OURS else baseline(tracker, values)


def chosen_on(videos: list[BoxVideo], tracker: str, trials: int, seed: int, switch_cost: float) -> Values:
    """The best values of a search on these sequences."""

    def judge(values: Values) -> float:
        run = runner(tracker, values)
        total = summarise({video.name: evaluate(video, run(video)) for video in videos})
        return total.HOTA - switch_cost * total.id_switches

    tried = search(tracker, trials, seed, judge, RANGES[tracker], settings_are_possible if tracker == OURS else None)
    return max(tried, key=lambda pair: pair[1])[0]


def halves(root: Path) -> list[list[BoxVideo]]:
    """The sequences of either half; those of other numbers are left out."""
    folders = [folder for folder in sorted(root.iterdir()) if (folder / "det" / "det.txt").is_file()]
    return [[read_video(folder) for folder in folders if folder.name.split("-")[1] in half] for half in HALVES]


def report(tracker: str, videos: list[list[BoxVideo]], choose: Callable[[list[BoxVideo]], Values]) -> None:
    """Print the figures of either half with what was chosen on the other, and of both together."""
    defaults, tuned = {}, {}
    for chosen, shown in (videos, videos[::-1]):
        values = choose(chosen)
        for kind, into, run in (("defaults", defaults, runner(tracker, {})), ("tuned", tuned, runner(tracker, values))):
            parts = {video.name: evaluate(video, run(video)) for video in shown}
            into |= parts
            names = " + ".join(video.name.split("-")[1] for video in shown)
            click.echo(f"{tracker + ', ' + kind:24}{names:12}{row(summarise(parts))}")
        click.echo(f"    {', '.join(f'{name}={value}' for name, value in values.items()) or 'the defaults'}")
    for kind, parts in (("defaults", defaults), ("tuned", tuned)):
        click.echo(f"{tracker + ', ' + kind:24}{'together':12}{row(summarise(parts))}")


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--root", required=True, type=PATH, help="Folder of {sequence}/det, gt, seqinfo.")
@click.option("--tracker", "trackers", multiple=True, type=click.Choice([*RANGES]), help="Only these.  [default: all]")
@click.option("--trials", default=20, help="Of each search.")
@click.option("--seed", default=1, help="Of each search.")
@click.option("--switch-cost", default=0.01, help="Points of HOTA that an identity switch costs.")
def main(root: Path, trackers: tuple[str, ...], trials: int, seed: int, switch_cost: float) -> None:
    """Choose each tracker's settings on half of the sequences and measure it on the other half."""
    videos = halves(root)
    click.echo(f"{trials} trials, seed {seed}\n{'':24}{'measured on':12}{HEAD}")
    for tracker in trackers or RANGES:
        report(tracker, videos, lambda half, tracker=tracker: chosen_on(half, tracker, trials, seed, switch_cost))


if __name__ == "__main__":
    main()
