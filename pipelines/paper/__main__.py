"""`python -m pipelines.paper --table IV --seeds 0,1 --data rendered --budget cpu`: rows of the paper's tables.

Every row is built, trained, predicted, tracked and evaluated; what is done is kept, so a call that was interrupted goes
on where it was. `--report` turns what there is into a page: our figures beside the paper's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipelines.paper.data import BUDGETS, Data, given_sources, kitti, rendered, ytvis
from pipelines.paper.rows import chosen_rows, read_tables
from stc_track.io.console import Command
from stc_track.io.errors import InputError
from stc_track.io.options import PATH


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--table", "tables", help="Comma-separated, of III to X.  [default: all]")
@click.option("--rows", help="Names of rows with `;` between.  [default: all of the table]")
@click.option("--seeds", default="0", help="Of the trainings, comma-separated.")
@click.option("--data", "name", type=click.Choice(["rendered", "kitti", "ytvis"]), default="rendered", help="Data set.")
@click.option("--budget", type=click.Choice(list(BUDGETS)), default="cpu", help="Size of networks, data and trainings.")
@click.option("--out", type=PATH, help="Folder of all that it makes.  [default: runs/paper/DATA-BUDGET]")
@click.option("--labels-only", is_flag=True, help="Stop after the pseudo-labels and their mean IoU.")
@click.option("--root", type=PATH, help="Of real data: the folder.")
@click.option("--test-root", type=PATH, help="Of ytvis: the folder to test on, with true masks in its annotations.")
@click.option("--train-sequences", help="Of kitti, comma-separated.  [default: the official split]")
@click.option("--test-sequences", help="Of kitti, comma-separated.  [default: the official split]")
@click.option("--depth-weights", type=PATH, help="Of real data: Monodepth2's.")
@click.option("--flow-weights", type=PATH, help="Of real data: UPFlow's.")
@click.option("--true-depth", type=PATH, help="Of real data: folder of depth maps, for Table X.")
@click.option("--true-flow", type=PATH, help="Of real data: folder of flow maps, for Table X.")
@click.option("--init-backbone", type=PATH, help="Weights that trainings start from, as of stc-train.")
@click.option("--device", help="cpu, cuda or cuda:N.")
@click.option("--workers", default=1, help="Processes that render.")
@click.option("--report", type=PATH, help="Write what there is to this page, and end.")
def main(
    tables: str | None,
    rows: str | None,
    seeds: str,
    name: str,
    budget: str,
    out: Path | None,
    labels_only: bool,
    init_backbone: Path | None,
    device: str | None,
    report: Path | None,
    **others: Any,
) -> None:
    """Train and measure rows of the paper's Tables III to X, each as printed but for what its table varies."""
    from pipelines.ablations.supervision_experiment import whole_numbers
    from pipelines.paper.report import write_page
    from pipelines.paper.run import Experiment

    paper_tables = read_tables()
    chosen = [text.strip() for text in tables.split(",")] if tables else list(paper_tables)
    if unknown := [title for title in chosen if title not in paper_tables]:
        raise InputError("--table", expected=f"some of {', '.join(paper_tables)}", found=", ".join(unknown))
    out = out or Path("runs/paper") / f"{name}-{budget}"
    if report is not None:
        write_page(report, out, paper_tables, name, budget)
        click.echo(f"wrote {report}")
        return
    names = [text.strip() for text in rows.split(";")] if rows else None
    wanted = [(number, row) for number in chosen for row in chosen_rows(paper_tables[number], number, names)]
    numbers = whole_numbers("--seeds", seeds)
    experiment = Experiment(out, _data(name, out, budget, **others), name, BUDGETS[budget], init_backbone, device)
    for seed in numbers:
        for number, row in wanted:
            done = experiment.run(number, row, paper_tables[number].rows[row], seed, labels_only)
            shown = (f"{key} {_text(value)}" for key, value in done["figures"].items())
            click.echo(f"Table {number}, {row}, seed {seed}: {'; '.join(shown)}")


def _text(values: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in values.items() if value is not None)


def _data(
    name: str,
    out: Path,
    budget: str,
    root: Path | None,
    test_root: Path | None,
    train_sequences: str | None,
    test_sequences: str | None,
    depth_weights: Path | None,
    flow_weights: Path | None,
    true_depth: Path | None,
    true_flow: Path | None,
    workers: int,
) -> Data:
    if name == "rendered":
        return rendered(out, BUDGETS[budget], workers)
    if root is None:
        raise InputError("--root", expected=f"the folder of --data {name}", found="none")
    sources = given_sources(depth_weights, flow_weights, true_depth, true_flow)
    if name == "kitti":
        return kitti(root, sources, train_sequences, test_sequences)
    if test_root is None:
        raise InputError("--test-root", expected="a folder with true masks in its annotations", found="none")
    return ytvis(root, sources, test_root)


if __name__ == "__main__":
    main()
