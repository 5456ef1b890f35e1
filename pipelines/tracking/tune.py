"""Search a tracker's thresholds and weights on training sequences and print the table of what was tried.

`python -m pipelines.tracking.tune --root DIR` searches ours on noisy true masks of the tuning sequences; with
`--predictions` on a detector's output; with `--tracker` SORT, ByteTrack or OC-SORT by the very same search. `--try
low_score=0.1,0.3,0.5` (repeated: every combination) prints a grid instead.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from pipelines.baselines.public_trackers import BASELINES, link_by_baseline
from pipelines.tracking.metrics import CLASSES, TUNING, Link, Video, measure, read_truth, scores
from pipelines.tracking.noisy_detections import Noise, noisy, perfect
from stc_track.evaluation.mots import Scores
from stc_track.formats.mots import iter_detections
from stc_track.io.console import Command
from stc_track.io.errors import InputError
from stc_track.io.files import replacing, sequence_files
from stc_track.io.options import PATH
from stc_track.tracking.link import link
from stc_track.tracking.settings import TrackerSettings

Values = dict[str, Any]
Ranges = Mapping[str, tuple]  # (lowest, highest): whole numbers where both are; more or other members: a choice

OURS = "ours"
_IN_COMMON = {
    "lost_track_buffer": (5, 90),
    "minimum_consecutive_frames": (1, 4),
    "minimum_iou_threshold": (0.01, 0.5),
    "low_score": (0.0, 0.6),
}
RANGES: dict[str, Ranges] = {
    OURS: {
        "matching": ("bi-greedy", "hungarian", "greedy"),
        "high_score": (0.3, 0.7),
        "low_score": (0.05, 0.6),
        "confirm_score": (0.0, 1.2),
        "tentative_gap": (0, 3),
        "vertical_weight": (0.0, 1.0),
        "overlap_weight": (0.0, 15.0),
        "gap_weight": (0.1, 2.0),
        "score_weight": (0.0, 10.0),
        "new_track_penalty": (0.0, 6.0),
        "speed_weight": (0.0, 15.0),
        "max_cost": (8.0, 20.0),
        "gate": (1.0, 4.0),
        "velocity_decay_masks": (0.6, 1.0),
        "former_mask": (0.0, 1.0),
        "mask_costs.size_weight": (0.0, 2.0),
        "max_gap": (5, 60),
        "predict_missing_masks": (0, 2),
        "predict_score": (0.5, 4.0),
        "measurement": (0.02, 0.1),
        "position": (0.02, 0.1),
        "velocity": (0.01, 0.1),
        "start_velocity": (0.1, 0.6),
        "robust": (0.5, 5.0),
    },
    "SORT": {**_IN_COMMON, "track_activation_threshold": (0.1, 0.9)},
    "ByteTrack": {**_IN_COMMON, "track_activation_threshold": (0.1, 0.9), "high_conf_det_threshold": (0.2, 0.8)},
    "OC-SORT": {
        **_IN_COMMON,
        "high_conf_det_threshold": (0.1, 0.8),
        "direction_consistency_weight": (0.0, 0.5),
        "delta_t": (1, 4),
    },
}
_REDRAWN = 3  # at most so many values differ from the best's in a trial


def settings_of(values: Values, start: TrackerSettings | None = None) -> TrackerSettings:
    """Our settings with some values replaced, by their names in any group."""
    return (start or TrackerSettings()).changed(**values)


def linker(tracker: str, values: Values) -> Link:
    """The named tracker with these values, its own defaults beside them."""
    if tracker == OURS:
        return partial(link, settings=settings_of(values))
    return partial(link_by_baseline, name=tracker, options=values)


def objective(by_class: Mapping[str, Scores], switch_cost: float) -> float:
    """Mean HOTA of the classes less the price of their identity switches."""
    mean = np.mean([class_scores.HOTA for class_scores in by_class.values()]) if by_class else 0.0
    return float(mean - switch_cost * sum(class_scores.id_switches for class_scores in by_class.values()))


def search(
    tracker: str,
    trials: int,
    seed: int,
    judge: Callable[[Values], float],
    ranges: Ranges | None = None,
    possible: Callable[[Values], bool] | None = None,
) -> Iterator[tuple[Values, float]]:
    """Random search around the best: each trial redraws one to three values of the best so far.

    Args:
        tracker: one of RANGES.
        trials: how many, after the tracker's own defaults.
        seed: of the draws.
        judge: larger is better.
        ranges: what is searched; None takes the tracker's of RANGES.
        possible: whether values go together; those that do not are no trial's. None asks our settings for ours.

    Yields:
        each trial's values and what they are worth, the defaults (no values) first.
    """
    random = np.random.default_rng(seed)
    ranges = RANGES[tracker] if ranges is None else ranges
    possible = possible or (settings_are_possible if tracker == OURS else lambda _values: True)
    best: Values = {}
    worth = judge(best)
    yield best, worth
    for _ in range(trials):
        names = random.choice(list(ranges), size=random.integers(1, min(_REDRAWN, len(ranges)) + 1), replace=False)
        values = {**best, **{str(name): _draw(ranges[str(name)], random) for name in names}}
        if not possible(values):
            continue
        value = judge(values)
        yield values, value
        if value > worth:
            best, worth = values, value


def settings_are_possible(values: Values) -> bool:
    """Whether our settings take these values together."""
    try:
        settings_of(values)
    except ValueError:
        return False
    return True


def _draw(span: tuple, random: np.random.Generator) -> Any:
    if len(span) == 2 and all(isinstance(end, int) for end in span):
        return int(random.integers(span[0], span[1] + 1))
    if len(span) == 2 and all(isinstance(end, float) for end in span):
        return round(float(random.uniform(*span)), 3)
    return span[int(random.integers(len(span)))]


def grid(tried: Mapping[str, list[Any]]) -> Iterator[Values]:
    """Every combination of the values."""
    for chosen in itertools.product(*tried.values()):
        yield dict(zip(tried, chosen, strict=True))


def noisy_videos(root: Path, names: tuple[str, ...], noise: Noise) -> dict[str, Video]:
    """Noisy true masks of the named sequences."""
    return {name: Video(noisy(perfect(frames), noise), frames) for name, frames in read_truth(root, names).items()}


def predicted_videos(root: Path, names: tuple[str, ...], predictions: Path) -> dict[str, Video]:
    """A detector's output for the named sequences, text files of detections."""
    files = sequence_files(predictions, list(names), "--predictions holds one file a sequence")
    truth = read_truth(root, names)
    return {name: Video(list(iter_detections(files[name], ordered=True)), truth[name]) for name in names}


def row(by_class: Mapping[str, Scores]) -> str:
    """HOTA and switches of both classes, in columns."""
    cells = (
        f"{by_class[name].HOTA:11.2f}{by_class[name].id_switches:9d}" if name in by_class else f"{'-':>11}{'-':>9}"
        for name in CLASSES
    )
    return "".join(cells)


def _tried(text: str) -> tuple[str, list[Any]]:
    name, _, values = text.partition("=")
    if (
        name not in RANGES[OURS].keys() | {name_in_range for ranges in RANGES.values() for name_in_range in ranges}
        or not values
    ):
        known = ", ".join(RANGES[OURS])
        raise InputError("--try", expected=f"name=value,value with a name of {known}", found=text)
    try:
        return name, [json.loads(value) if value[:1] in "-.0123456789" else value for value in values.split(",")]
    except json.JSONDecodeError as error:
        raise InputError("--try", expected="numbers or words", found=text) from error


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--root", required=True, type=PATH, help="Data set with instances_txt.")
@click.option("--predictions", type=PATH, help="A detector's output; without it, noisy true masks.")
@click.option("--sequences", default=",".join(TUNING), help="Search on these.")
@click.option("--tracker", type=click.Choice([OURS, *BASELINES]), default=OURS, help="Whose values.")
@click.option("--trials", default=100, help="Of the random search.")
@click.option("--seed", default=1, help="Of the noise, and of the search.")
@click.option("--switch-cost", default=0.01, help="Points of HOTA that an identity switch costs.")
@click.option("--try", "tries", multiple=True, metavar="NAME=V,V", help="Print the grid of these values instead.")
@click.option("--json", "json_file", type=PATH, help="Write the best values to this file.")
def main(
    root: Path,
    predictions: Path | None,
    sequences: str,
    tracker: str,
    trials: int,
    seed: int,
    switch_cost: float,
    tries: tuple[str, ...],
    json_file: Path | None,
) -> None:
    """Choose a tracker's thresholds and weights on training sequences."""
    names = tuple(sequences.split(","))
    noise = Noise(seed=seed)
    videos = predicted_videos(root, names, predictions) if predictions else noisy_videos(root, names, noise)
    click.echo(f"detections: {predictions or noise}\nsequences: {', '.join(names)}; tracker: {tracker}")
    click.echo(f"{'worth':>7}" + "".join(f"{name:>11}{'switches':>9}" for name in CLASSES) + "  values")
    shown: dict[str, str] = {}

    def judge(values: Values) -> float:
        by_class = scores(measure(videos, linker(tracker, values)))
        shown["row"] = row(by_class)
        return objective(by_class, switch_cost)

    candidates = (
        ((values, judge(values)) for values in grid(dict(map(_tried, tries))))
        if tries
        else search(tracker, trials, seed, judge)
    )
    best, worth = {}, -np.inf
    for values, worth_of_it in candidates:
        if tries or worth_of_it > worth:
            text = ", ".join(f"{name}={value}" for name, value in values.items()) or "defaults"
            click.echo(f"{worth_of_it:7.2f}{shown['row']}  {text}")
        if worth_of_it > worth:
            best, worth = values, worth_of_it
    click.echo(f"best: {best}")
    if json_file:
        with replacing(json_file, "w") as file:
            noise_settings = None if predictions else asdict(noise)
            json.dump({"tracker": tracker, "noise": noise_settings, "worth": worth, "values": best}, file, indent=2)


if __name__ == "__main__":
    main()
