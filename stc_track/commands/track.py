"""The `stc-track` command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stc_track.commands.options import (
    PATH,
    TRACK_FORMATS,
    NumberRange,
    annotations_option,
    classes_option,
    frame_size_option,
    frames_option,
    split_names,
)
from stc_track.io.console import Command

if TYPE_CHECKING:
    from tqdm import tqdm

    from stc_track.convert import Changes
    from stc_track.formats.mots import Detection, MotsObject
    from stc_track.formats.sources import Source
SCORE = NumberRange(-1e6, 1e6)
POSITIVE = NumberRange(0, 1e6)


@click.command(cls=Command, context_settings={"show_default": True})
@click.argument("predictions", type=PATH)
@click.option(
    "--out", required=True, type=PATH, help="Folder for {sequence}.txt in KITTI MOTS text, or what --format says."
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(TRACK_FORMATS),
    default="mots",
    help="As stc-convert --to; ytvis, ytvis-results and coco want a .json file as --out.",
)
@frames_option
@frame_size_option
@annotations_option
@classes_option
@click.option("--cues", metavar="STORE", help="Store of pseudo-labels whose depth and flow the matching uses as well.")
@click.option(
    "--cue-terms",
    type=click.Choice(["none", "depth", "flow", "both"]),
    default="both",
    help="Which terms of Eq. 9 count where --cues is given.",
)
@click.option(
    "--motion",
    type=click.Choice(["diagonal", "center", "none"]),
    default="diagonal",
    help="Points that the Kalman filter predicts: both corners, the centre, or no filter.",
)
@click.option(
    "--matching",
    type=click.Choice(["bi-greedy", "hungarian", "greedy"]),
    default="hungarian",
    help="Algorithm 1, the least sum of costs, or the cheapest pair first.",
)
@click.option("--cascade/--no-cascade", default=False, help="Let tracks that were seen last choose first.")
@click.option("--two-rounds/--one-round", default=False, help="Let detections below --high-score choose last.")
@click.option("--single-threshold", is_flag=True, help="Leave out detections below --high-score.")
@click.option("--high-score", type=SCORE, default=0.4, help="Detections from here on begin tracks.")
@click.option("--low-score", type=SCORE, default=0.2, help="Detections from here on may continue a track.")
@click.option(
    "--confirm-score",
    type=POSITIVE,
    default=0.5,
    help="Accumulated score from which a track is output; raising it suppresses false tracks and delays true ones.",
)
@click.option(
    "--mask-weight",
    type=POSITIVE,
    default=9.0,
    help="What masks (or boxes, where there are none) that do not meet add to a match's cost.",
)
@click.option("--gap-weight", type=POSITIVE, default=0.65, help="What each missing frame adds to it.")
@click.option("--score-weight", type=POSITIVE, default=5.5, help="What a detection of score 0 adds to it.")
@click.option("--limit", type=POSITIVE, default=14.5, help="Largest cost of a match, of all that is added to it.")
@click.option("--gate", type=POSITIVE, default=2.0, help="Largest distance of a match, in diagonals of the box.")
@click.option(
    "--max-gap",
    type=click.IntRange(0, 100_000),
    default=20,
    help="Frames that a track may be missing; for more than 20 lower --gap-weight as well.",
)
@click.option(
    "--camera-motion/--no-camera-motion",
    default=True,
    help="Where --cues is given: expect tracks where what stands still would be.",
)
@click.option(
    "--predict-missing",
    type=click.IntRange(0, 1000),
    default=1,
    help="Output a missing track for this many frames, at its predicted place unless occluded; "
    "0 writes masks of detections alone.",
)
@click.option(
    "--fill-gaps",
    type=click.IntRange(0, 1000),
    default=0,
    help="Not online: fill gaps of up to so many frames, the mask moved along the boxes.",
)
@click.option(
    "--min-sightings",
    type=click.IntRange(0, 1000),
    default=0,
    help="Not online: leave out tracks that are seen on fewer frames.",
)
@click.option("--sequences", callback=split_names, help="Track only these, comma-separated.  [default: all]")
def main(
    predictions: Path,
    out: Path,
    kind: str,
    frames: Path | None,
    frame_size: tuple[int, int] | None,
    annotations: Path | None,
    classes: dict[int, int] | None,
    cues: str | None,
    sequences: list[str] | None,
    **choices: str | float | bool,
) -> None:
    """Link the detections in PREDICTIONS, a folder of {sequence}.txt or {sequence}.json, to tracks.

    A line of a text file is `frame x1 y1 x2 y2 score class height width rle`, by increasing frame (the public MOTS
    detections; further columns are ignored), or MOT-Challenge's `frame,id,x,y,width,height,score`. JSON is COCO's
    result list with the frame's number as image_id. PREDICTIONS may also be a folder of MOTS PNG or MOT-Challenge
    sequences, or a file of YouTube-VIS results, whose ids are not looked at; ignore regions are left out.
    """
    from tqdm import tqdm

    from stc_track.convert import Changes, require_place, write
    from stc_track.formats.base import Tracks
    from stc_track.formats.sources import open_sources
    from stc_track.formats.youtube_vis import read_annotations
    from stc_track.io.errors import InputError
    from stc_track.io.pictures import list_frames
    from stc_track.tracking.cues import CueReader
    from stc_track.tracking.link import link
    from stc_track.tracking.settings import TrackerSettings
    from stc_track.tracking.smoothing import SmoothingSettings

    delayed = SmoothingSettings(choices.pop("fill_gaps"), choices.pop("min_sightings"))
    if choices.pop("single_threshold"):
        choices["low_score"] = choices["high_score"]
    elif choices["low_score"] > choices["high_score"]:
        raise InputError(
            "--low-score", expected=f"at most --high-score {choices['high_score']}", found=str(choices["low_score"])
        )
    settings = TrackerSettings(**choices)
    require_place(kind, out, predictions, "PREDICTIONS", annotations)
    known = annotations and read_annotations(annotations)
    found = open_sources(
        predictions,
        sequences=sequences,
        size=frame_size,
        annotations=known,
        text="detections",
        hint="PREDICTIONS holds one file a sequence",
    )
    files = found.sequences
    changes = Changes(classes=classes or {})
    readers = {name: CueReader(cues, name) if cues else None for name in files}
    with tqdm(total=_count(files.values()), unit="detection", desc="track", disable=None) as bar:
        linked = (
            Tracks(
                name,
                link(
                    _detections(source, changes, bar),
                    settings,
                    readers[name],
                    delayed if delayed.fill_gap or delayed.min_sightings else None,
                ),
                frames and list_frames(frames, name),
            )
            for name, source in files.items()
        )
        write(kind, out, linked, changes.names(known.class_names if known else found.class_names), known)


def _count(sources: Iterable[Source]) -> int | None:
    """Lines of all files; None where one is no text."""
    total = 0
    for source in sources:
        if source.text is None:
            return None
        with source.text.open("rb") as file:
            total += sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    return total


def _detections(source: Source, changes: Changes, bar: tqdm) -> Iterator[Detection]:
    """What is to be tracked of a sequence: all but ignored regions, which are no objects."""
    from stc_track.convert import as_detection, shifted

    given = _counted(source.objects(), bar)
    renumbered = shifted(source.place, given, changes) if changes.classes else given
    return (as_detection(each) for each in renumbered if not each.ignored)


def _counted(detections: Iterable[MotsObject], bar: tqdm) -> Iterator[MotsObject]:
    for each in detections:
        bar.update()
        yield each
