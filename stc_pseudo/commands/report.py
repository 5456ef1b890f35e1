"""`stc-pseudo report`: how good a store's pseudo-masks look, without true masks, as one page."""

from __future__ import annotations

from pathlib import Path

import click

from stc_pseudo.commands.dataset_flags import max_pixels_option
from stc_track.io.console import Command
from stc_track.io.options import PATH, PLACE, split_names


@click.command(cls=Command, context_settings={"show_default": True})
@click.argument("store")
@click.option("--out", type=PATH, default="report.html", help="The page, one HTML file that needs nothing else.")
@click.option("--json", "json_file", type=PATH, help="Write the figures here as well.")
@click.option(
    "--require",
    type=click.FloatRange(0, 1),
    help="Exit code 1 where the mean quality is below; instances below count as weak.",
)
@click.option(
    "--truth",
    type=PATH,
    help="True masks of some or all objects, for IoU and boundary F: data set root, folder of {sequence}.txt in MOTS "
    "text, or YouTube-VIS JSON file.",
)
@click.option("--min-area", type=click.IntRange(min=0), default=300, help="Leave out true masks of fewer pixels.")
@click.option("--pictures", type=click.IntRange(min=0), default=200, help="Of the worst instances; 25 kB each.")
@click.option("--sequences", callback=split_names, help="Comma-separated names; all, if not given.")
@max_pixels_option
@click.option("--frames-root", type=PLACE, help="Folder of the frames, if they moved since the store was built.")
def main(
    store: str,
    out: Path,
    json_file: Path | None,
    require: float | None,
    truth: Path | None,
    min_area: int,
    pictures: int,
    sequences: list[str] | None,
    frames_root: Path | None,
) -> None:
    """Rate every pseudo-mask of STORE without true ones, worst first, with the likely cause and what helps.

    Quality is the geometric mean of the stored score (counted twice), of how well the mask fills its box, and of how
    well it agrees with its track's masks on the neighbouring frames, moved along the flow. Of refined masks it is the
    score alone.
    """
    from stc_pseudo.evaluation.report import WEAK, make_report, write_page
    from stc_pseudo.store.reader import StoreReader
    from stc_track.io.errors import InputError
    from stc_track.io.files import replacing, write_json

    if out.suffix.lower() not in (".html", ".htm"):
        raise InputError(out, expected="a file .html", found="another name", hint="--out names it")
    reader = StoreReader(store, frames_root)
    report = make_report(
        reader,
        tuple(sequences or reader.sequences),
        bar=WEAK if require is None else require,
        truth=truth,
        min_area=min_area,
        pictures=pictures,
    )
    with replacing(out, "w") as file:
        write_page(file, report)
    summary = report.summary()
    if json_file is not None:
        write_json(json_file, summary)
    figures = summary["coverage"]["all"]["all"]
    click.echo(
        f"mean quality {figures['quality']:.3f} of {figures['instances']} instances, {figures['weak']:.0%} below "
        f"{report.bar:g}: {out}"
    )
    if truth is not None:
        correlation = figures.get("rank_correlation")
        correlation_text = "-" if correlation is None else f"{correlation:.3f}"
        iou, boundary = figures.get("iou"), figures.get("boundary_f")
        click.echo(
            f"{figures.get('true_masks', 0)} true masks: mean IoU {'-' if iou is None else f'{iou:.3f}'}, boundary F "
            f"{'-' if boundary is None else f'{boundary:.3f}'}, rank correlation of quality with IoU {correlation_text}"
        )
    if require is not None and report.mean < require:
        click.get_current_context().exit(1)
