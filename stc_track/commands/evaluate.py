"""The `stc-eval` command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stc_track.commands.options import PATH, split_names
from stc_track.io.console import Command

if TYPE_CHECKING:
    from stc_track.evaluation.mots import Evaluation
    from stc_track.evaluation.youtube_vis import ApEvaluation

COLUMNS = ("HOTA", "DetA", "AssA", "sMOTSA", "MOTSA", "MOTSP", "IDF1", "id_switches")
AP_COLUMNS = ("AP", "AP50", "AP75", "AR1", "AR10")
BENCHMARKS = ("kitti-mots", "mots20", "youtube-vis")


@click.command(cls=Command)
@click.argument("results", type=PATH)
@click.option(
    "--truth",
    required=True,
    type=PATH,
    help="Folder of {sequence}.txt in KITTI MOTS text, or a data set with instances_txt; for mots20 also of "
    "{sequence}/gt/gt.txt; for youtube-vis the annotation file.",
)
@click.option(
    "--benchmark", type=click.Choice(BENCHMARKS), default="kitti-mots", show_default=True, help="Rules to measure by."
)
@click.option(
    "--format",
    "layout",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="How to print the figures.",
)
@click.option("--json", "json_file", type=PATH, help="Write the figures to this file as well.")
@click.option(
    "--sequences", callback=split_names, help="Measure only these, comma-separated.  [default: all in --truth]"
)
@click.option(
    "--any-frames",
    is_flag=True,
    help="Measure results that seem to be of other frames than the truth as well: a frame early or late, or beyond it.",
)
@click.option("--workers", type=click.IntRange(1, 1024), help="Processes.  [default: one for each usable core]")
def main(
    results: Path,
    truth: Path,
    benchmark: str,
    layout: str,
    json_file: Path | None,
    sequences: list[str] | None,
    any_frames: bool,
    workers: int | None,
) -> None:
    """Measure the tracks in RESULTS, by the trackeval package.

    For kitti-mots and mots20 RESULTS is a folder of {sequence}.txt in KITTI MOTS text. HOTA, DetA and AssA (means over
    localisation thresholds), sMOTSA, MOTSA, MOTSP and IDF1 (at mask IoU 0.5), all in percent, and identity switches,
    for each class and sequence. Results that match nothing and lie by more than half in an ignore region do not count.

    For youtube-vis it is a list of results in JSON. AP (mean over the track IoU 0.50 to 0.95), AP50, AP75, AR1 and
    AR10, in percent, for each class and video.
    """
    import json

    from stc_track.evaluation.mots import KITTI_MOTS, MOTS20, evaluate
    from stc_track.io.errors import InputError
    from stc_track.io.files import replacing
    from stc_track.io.processes import usable_cores

    if json_file and (json_file.suffix != ".json" or json_file.resolve() in (results.resolve(), truth.resolve())):
        found = "another name" if json_file.suffix != ".json" else "what is measured"
        raise InputError("--json", expected="a file .json of its own", found=f"{found}, {json_file}")
    workers = workers or usable_cores()
    if benchmark == "youtube-vis":
        from stc_track.evaluation.youtube_vis import evaluate_youtube_vis

        ap = evaluate_youtube_vis(results, truth, sequences, workers, any_frames)
        figures, head, rows = ap.as_dict(), list(AP_COLUMNS), ap_rows(ap)
    else:
        rules = MOTS20 if benchmark == "mots20" else KITTI_MOTS
        mots = evaluate(results, truth, sequences, rules, workers, any_frames)
        head, rows = [name.replace("id_switches", "switches") for name in COLUMNS], mots_rows(mots)
        figures = mots.as_dict()
    if json_file:
        with replacing(json_file, "w") as file:
            json.dump(figures, file, indent=2)
    click.echo(json.dumps(figures, indent=2) if layout == "json" else drawn(head, rows, layout))


def drawn(head: list[str], rows: list[list[str]], layout: str) -> str:
    """The rows as a table of the given layout, text or markdown."""
    from stc_track.commands.tables import aligned, markdown

    draw = markdown if layout == "markdown" else aligned
    return draw(["sequence", "class", *head], rows, 2)


def mots_rows(evaluation: Evaluation) -> list[list[str]]:
    """One row for each class of each sequence, and of all sequences together."""
    return [
        [name, class_name, *(_shown(getattr(scores, column)) for column in COLUMNS)]
        for name, classes in [*evaluation.sequences.items(), ("all", evaluation.combined)]
        for class_name, scores in classes.items()
    ]


def ap_rows(evaluation: ApEvaluation) -> list[list[str]]:
    """One row for each class of each video and its mean, and of all videos together."""
    rows = []
    means = {**evaluation.sequence_means, "all": evaluation.mean}
    for name, classes in [*evaluation.sequences.items(), ("all", evaluation.combined)]:
        for class_name, scores in [*classes.items(), ("mean", means.get(name))]:
            if scores is not None:
                rows.append([name, class_name, *(_shown(getattr(scores, column)) for column in AP_COLUMNS)])
    return rows


def _shown(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.2f}"
