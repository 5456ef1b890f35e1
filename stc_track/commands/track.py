"""The `stc-track` command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stc_track.commands.evaluate import split_names

if TYPE_CHECKING:
    from tqdm import tqdm

    from stc_track.formats.mots import Detection

SCORE = click.FloatRange(-1e6, 1e6)
POSITIVE = click.FloatRange(0, 1e6)


@click.command(context_settings={"show_default": True})
@click.argument("predictions", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder for {sequence}.txt in KITTI MOTS text."
)
@click.option("--cues", metavar="STORE", help="Store of pseudo-labels whose depth and flow the matching uses as well.")
@click.option("--cue-terms", type=click.Choice(["none", "depth", "flow", "both"]), default="both",
              help="Which terms of Eq. 9 count where --cues is given.")  # fmt: skip
@click.option("--motion", type=click.Choice(["diagonal", "center", "none"]), default="diagonal",
              help="Points that the Kalman filter predicts: both corners, the centre, or no filter.")  # fmt: skip
@click.option("--matching", type=click.Choice(["bi-greedy", "hungarian", "greedy"]), default="bi-greedy",
              help="Algorithm 1, the least sum of costs, or the cheapest pair first.")  # fmt: skip
@click.option("--cascade/--no-cascade", default=False, help="Let tracks that were seen last choose first.")
@click.option("--single-threshold", is_flag=True, help="Leave out the round of detections below --high-score.")
@click.option(
    "--high-score", type=SCORE, default=0.5, help="Detections from here on are matched first and begin tracks."
)
@click.option("--low-score", type=SCORE, default=0.1, help="Detections from here on may continue a track.")
@click.option("--mask-weight", type=POSITIVE, default=1.0, help="Weight of the masks' overlap; 0 compares boxes alone.")
@click.option("--gate", type=POSITIVE, default=1.5, help="Largest distance of a match, in diagonals of the box.")
@click.option("--reach", type=POSITIVE, default=2.0, help="The same in the last round, between what is left over.")
@click.option("--max-gap", type=click.IntRange(0, 100_000), default=10, help="Frames that a track may be missing.")
@click.option("--sequences", callback=split_names, help="Track only these, comma-separated.  [default: all]")
def main(
    predictions: Path, out: Path, cues: str | None, sequences: list[str] | None, **choices: str | float | bool
) -> None:
    """Link the detections in PREDICTIONS, a folder of {sequence}.txt or {sequence}.json, to tracks.

    A line of a text file is `frame x1 y1 x2 y2 score class height width rle`, by increasing frame (the public MOTS
    detections; further columns are ignored). JSON is COCO's result list with the frame's number as image_id.
    """
    from tqdm import tqdm

    from stc_track.cues import CueReader
    from stc_track.formats.errors import InputError
    from stc_track.formats.files import sequence_files
    from stc_track.formats.mots import write_mots
    from stc_track.linking import link
    from stc_track.settings import TrackerSettings

    if choices["single_threshold"]:
        choices["low_score"] = choices["high_score"]
    elif choices["low_score"] > choices["high_score"]:
        raise InputError("--low-score", expected=f"at most --high-score {choices['high_score']}",
                         found=str(choices["low_score"]))  # fmt: skip
    settings = TrackerSettings(**choices)
    files = sequence_files(predictions, sequences, "PREDICTIONS holds one file a sequence", (".txt", ".json"))
    if out.resolve() == predictions.resolve():
        raise InputError(out, expected="a folder other than PREDICTIONS", found="the same", mend="--out names another")
    readers = {name: CueReader(cues, name) if cues and settings.cue_terms != "none" else None for name in files}
    with tqdm(total=_count(files.values()), unit="detection", desc="track", disable=None) as bar:
        for name, path in files.items():
            found = _counted(_detections(path), bar)
            write_mots(out / f"{name}.txt", link(found, settings, readers[name]))


def _count(files: Iterable[Path]) -> int | None:
    """Lines of all files; None where one is JSON."""
    total = 0
    for path in files:
        if path.suffix == ".json":
            return None
        with path.open("rb") as file:
            total += sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    return total


def _detections(path: Path) -> Iterable[Detection]:
    """Detections of a file by increasing frame; a text file streams."""
    from stc_track.formats.coco_results import read_coco_results
    from stc_track.formats.mots import iter_detections

    return read_coco_results(path) if path.suffix == ".json" else iter_detections(path, ordered=True)


def _counted(detections: Iterable[Detection], bar: tqdm) -> Iterator[Detection]:
    for each in detections:
        bar.update()
        yield each
