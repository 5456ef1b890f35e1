"""The `stc-track` command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from stc_track.commands.class_tables import TABLE, by_number, check_tables
from stc_track.commands.options import (
    PATH,
    TRACK_FORMATS,
    Duration,
    NumberRange,
    annotations_option,
    classes_option,
    frame_size_option,
    frames_option,
    split_names,
)
from stc_track.commands.track_settings import FLAGS, class_settings, config_text, of_sequence, read_settings
from stc_track.io.config_option import config_options, current_config
from stc_track.io.console import Command
from stc_track.io.preset_option import preset_option, refuse_contradiction
from stc_track.tracking.settings import GROUPS, PAPER_OPEN, PRESETS, CueTerms, Matching, Motion, TrackerSettings

if TYPE_CHECKING:
    from stc_track.convert import Changes
    from stc_track.formats.base import Source
    from stc_track.formats.exporters import Format
    from stc_track.formats.mots import Detection, MotsObject
    from stc_track.io.progress import Bar
    from stc_track.tracking.link import Delayed

F = TypeVar("F", bound=Callable[..., Any])
DEFAULTS = TrackerSettings()
_UNITS = "sequences", "frames", "tracks"
_AT_ONCE = 100  # detections that the bar hears of together
SCORE = NumberRange()
POSITIVE = NumberRange(0)


def _flag(name: str, kind: click.ParamType[Any] | type, text: str, *names: str) -> Callable[[F], F]:
    """An option that sets a key of the settings, whose default stands in its help."""
    places = [FLAGS[name]] if not FLAGS[name].startswith("mask_costs.") else [FLAGS[name], "box" + FLAGS[name][4:]]
    if name == "predict_missing":
        places = ["output.predict_missing_masks", "output.predict_missing"]
    values = [getattr(getattr(DEFAULTS, group), key) for group, key in (place.split(".") for place in places)]
    shown = " and ".join(dict.fromkeys(f"{value:g}" if isinstance(value, float) else str(value) for value in values))
    if len(set(values)) > 1:
        shown = f"{values[0]:g} for masks, {values[1]:g} for boxes"
    if isinstance(values[0], bool):
        flags = ("--" + name.replace("_", "-"), names[0])
        shown = flags[0 if values[0] else 1].removeprefix("--")
        return click.option("/".join(flags), name, default=None, help=f"{text}  [default: {shown}]")
    return click.option(
        *(names or ("--" + name.replace("_", "-"),)), name, type=kind, help=f"{text}  [default: {shown}]"
    )


@click.command(
    cls=Command,
    context_settings={"show_default": True},
    renamed={"--limit": "--max-cost", "--mask-weight": "--overlap-weight", "--min-sightings": "--min-hits"},
)
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
@preset_option(
    list(PRESETS), "Eq. 7 to 9 alone, Algorithm 1, cascade, two thresholds; --motion and --cue-terms stay open"
)
@_flag("cue_terms", click.Choice(get_args(CueTerms)), "Which terms of Eq. 9 count where --cues is given.")
@_flag("points", click.Choice(get_args(Motion)), "Filter both corners, the centre, or nothing.", "--motion")
@_flag("matching", click.Choice(get_args(Matching)), "Algorithm 1, the least sum of costs, or the cheapest pair first.")
@_flag("cascade", bool, "Let tracks that were seen last choose first.", "--no-cascade")
@_flag("two_rounds", bool, "Let detections below --high-score choose last.", "--one-round")
@click.option("--single-threshold", is_flag=True, help="Leave out detections below --high-score.")
@_flag("high_score", SCORE, "Detections from here on begin tracks.")
@_flag("low_score", SCORE, "Detections from here on may continue a track.")
@_flag(
    "confirm_score",
    POSITIVE,
    "Accumulated score from which a track is output; raising it suppresses false tracks and delays true ones.",
)
@_flag("overlap_weight", POSITIVE, "What masks, or boxes, that do not overlap add to a match's cost.")
@_flag("gap_weight", POSITIVE, "What each missing frame adds to it.")
@_flag("score_weight", POSITIVE, "What a detection of score 0 adds to it.")
@_flag("max_cost", POSITIVE, "Largest cost of a match; raising it gives fewer new ids and more wrong matches.")
@_flag("gate", POSITIVE, "Largest distance of a match, in diagonals of the box.")
@click.option(
    "--max-gap",
    type=Duration(),
    help="Frames that a track may be missing, or seconds (1.5s, with --frame-rate or seqinfo.ini); raising it bridges "
    f"longer occlusions and risks more identity switches.  [default: {DEFAULTS.lifecycle.max_gap}]",
)
@click.option("--frame-rate", type=NumberRange(1e-3), help="Frames a second.  [default: seqinfo.ini's]")
@click.option(
    "--frame-step",
    type=click.IntRange(1, 10**6),
    help="Difference of the numbers of neighbouring frames.  [default: found from the first frames]",
)
@click.option(
    "--score-scale",
    type=click.Choice(["1", "100"]),
    help="What stands for certainty.  [default: found from the scores]",
)
@_flag(
    "camera_motion",
    bool,
    "Camera motion compensation: expect tracks where the camera's motion takes them.",
    "--no-camera-motion",
)
@_flag(
    "predict_missing",
    click.IntRange(0, 1000),
    "Output a missing track for this many frames, at its predicted place unless occluded; 0 writes detections alone.",
)
@click.option(
    "--offline", is_flag=True, help="Not online: join tracks that continue each other, fill gaps of up to --max-gap."
)
@click.option(
    "--fill-gaps",
    type=click.IntRange(0, 1000),
    default=0,
    help="Not online: fill gaps of up to this many frames, the mask moved along the boxes.",
)
@click.option(
    "--min-hits",
    type=click.IntRange(0, 1000),
    default=0,
    help="Not online: leave out tracks that are detected on fewer frames.",
)
@click.option("--sequences", callback=split_names, help="Track only these, comma-separated.  [default: all]")
@config_options(GROUPS, FLAGS, {TABLE: check_tables})
def main(
    predictions: Path,
    out: Path,
    kind: Format,
    frames: Path | None,
    frame_size: tuple[int, int] | None,
    annotations: Path | None,
    classes: dict[int, int] | None,
    cues: str | None,
    sequences: list[str] | None,
    preset: str,
    single_threshold: bool,
    max_gap: tuple[float, bool] | None,
    frame_rate: float | None,
    frame_step: int | None,
    score_scale: str | None,
    offline: bool,
    fill_gaps: int,
    min_hits: int,
    print_config: bool,
    **_flags: str | float | bool | None,
) -> None:
    """Link the detections in PREDICTIONS, a folder of {sequence}.txt or {sequence}.json, to tracks.

    Beside --out, a file of its name that ends in .toml keeps the settings; --config takes it.

    A line of a text file is `frame x1 y1 x2 y2 score class height width rle`, by increasing frame (the public MOTS
    detections; further columns are ignored), or MOT-Challenge's `frame,id,x,y,width,height,score`. JSON is COCO's
    result list with the frame's number as image_id. PREDICTIONS may also be a folder of MOTS PNG or MOT-Challenge
    sequences, or a file of YouTube-VIS results, whose ids are not looked at; ignore regions are left out.

    Classes have settings of their own in --config's tables [classes.NAME.lifecycle], [classes.2.box_costs], ...
    """
    from stc_track.convert import Changes
    from stc_track.formats.base import Tracks
    from stc_track.formats.exporters import require_other, require_place, write
    from stc_track.formats.sources import open_sources
    from stc_track.formats.youtube_vis import read_annotations
    from stc_track.io.files import replacing
    from stc_track.io.pictures import list_frames
    from stc_track.io.progress import Bar
    from stc_track.tracking.cues import CueReader
    from stc_track.tracking.link import link

    settings = read_settings(preset, single_threshold)
    if preset == "paper":
        refuse_contradiction(preset, settings, PRESETS[preset], PAPER_OPEN, FLAGS)
        later = {"offline": offline, "fill_gaps": fill_gaps, "min_hits": min_hits, "single_threshold": single_threshold}
        off = dict.fromkeys(later, 0)
        refuse_contradiction(
            preset, {key: int(value) for key, value in later.items()}, off, (), {key: key for key in off}
        )
    recorded = config_text(settings, max_gap)
    if print_config:
        click.echo(recorded, nl=False)
        return
    require_place(kind, out, predictions, "PREDICTIONS")
    require_other(out, annotations)
    annotated = read_annotations(annotations) if annotations else None
    sources = open_sources(
        predictions,
        sequences=sequences,
        size=frame_size,
        annotations=annotated,
        text="detections",
        hint="PREDICTIONS holds one file a sequence",
        boxes_as_masks=False,
    )
    files = sources.sequences
    changes = Changes(classes=classes or {})
    class_names = changes.names(annotated.class_names if annotated else sources.class_names)
    own_classes = by_number(class_settings(settings), class_names, str(current_config().path))
    readers = {name: CueReader(cues, name) if cues else None for name in files}
    written: Counter[str] = Counter()
    with Bar(total=_count(files.values()), unit="detection", desc="track") as bar:
        linked = (
            Tracks(
                name,
                _told(
                    link(
                        _detections(source, changes, bar),
                        sequence_settings := of_sequence(settings, max_gap, frame_rate, source),
                        readers[name],
                        _delayed(offline, fill_gaps, min_hits, sequence_settings),
                        where=str(source.place),
                        frame_step=frame_step,
                        score_scale=_score_scale(score_scale, sequence_settings),
                        draw_boxes=kind != "mot",
                        by_class=own_classes and by_number(class_settings(sequence_settings), class_names, ""),
                    ),
                    written,
                ),
                list_frames(frames, name) if frames else None,
            )
            for name, source in files.items()
        )
        write(kind, out, linked, class_names, annotated)
    # Beside the tracks, what they were made with, as --config takes it: a folder of tracks holds nothing else.
    with replacing(out.with_name(f"{out.name if out.is_dir() else out.stem}.toml"), "w") as file:
        file.write(recorded)
    counts = ", ".join(f"{written[unit]} {unit if written[unit] != 1 else unit[:-1]}" for unit in _UNITS)
    click.echo(f"{counts} in {out}")


def _told(objects: Iterable[MotsObject], written: Counter[str]) -> Iterator[MotsObject]:
    """The objects of one sequence; counts it, its frames and its tracks into `written`."""
    frames, tracks = set(), set()
    for obj in objects:
        frames.add(obj.frame)
        tracks.add(obj.track_id)
        yield obj
    written.update(sequences=1, frames=len(frames), tracks=len(tracks))


def _delayed(offline: bool, fill_gaps: int, min_hits: int, settings: TrackerSettings) -> Delayed | None:
    """What is done with frames once later ones are known."""
    if not (offline or fill_gaps or min_hits):
        return None
    from functools import partial

    from stc_track.tracking.offline import OfflineSettings, whole_sequence
    from stc_track.tracking.smoothing import SmoothingSettings, smoothed

    if offline:
        gap = fill_gaps or settings.lifecycle.max_gap
        return partial(whole_sequence, settings=OfflineSettings(max_gap=gap, min_hits=min_hits))
    return partial(smoothed, settings=SmoothingSettings(fill_gaps, min_hits))


def _score_scale(chosen: str | None, settings: TrackerSettings) -> float | None:
    """The scale of scores; where thresholds are beyond 1, the scores are taken as they are."""
    if chosen is not None:
        return float(chosen)
    lifecycle = settings.lifecycle
    return None if lifecycle.low_score >= 0 and lifecycle.high_score <= 1 else 1.0


def _count(sources: Iterable[Source]) -> int | None:
    """Lines of all files; None where one is no text."""
    total = 0
    for source in sources:
        if source.text is None:
            return None
        with source.text.open("rb") as file:
            total += sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    return total


def _detections(source: Source, changes: Changes, bar: Bar) -> Iterator[Detection]:
    """What is to be tracked of a sequence: all but ignored regions, which are no objects."""
    from stc_track.convert import shifted
    from stc_track.formats.exporters import as_detection

    objects = _counted(source.objects(), bar)
    renumbered = shifted(source.place, objects, changes) if changes.classes else objects
    return (as_detection(obj) for obj in renumbered if not obj.ignored)


def _counted(detections: Iterable[MotsObject], bar: Bar) -> Iterator[MotsObject]:
    number = 0
    for number, detection in enumerate(detections, 1):
        if number % _AT_ONCE == 0:
            bar.update(_AT_ONCE)
        yield detection
    bar.update(number % _AT_ONCE)
