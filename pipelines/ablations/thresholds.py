"""Tables V, VI and VII on pseudo-masks: `python -m pipelines.ablations.thresholds --store STORE --truth ROOT`.

The mini network's thresholds, layers and dilation, each measured by the mean IoU of the plain reading's pseudo-masks
(`sub_regions`) with true masks; boxes are tight around these. Depth and flow are those of a store, of any source.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from pipelines.reporting.tables import Table, number
from stc_track.io.console import Command
from stc_track.io.options import PATH

if TYPE_CHECKING:
    from stc_pseudo.settings import MaskSettings, SimilaritySettings
    from stc_pseudo.store.reader import StoreReader

# Table VII's values of phi_s and phi_t, and Tables V's and VI's of depth and dilation.
DEPTH_THRESHOLDS, FLOW_THRESHOLDS = (0.2, 0.3, 0.4), (0.2, 0.3, 0.4, 0.5)
LAYERS, DILATIONS = (1, 2, 3, 4), (1, 2, 3)


def variants() -> dict[str, dict[str, tuple[SimilaritySettings, MaskSettings]]]:
    """Settings by table and row; what a row does not name is the default."""
    from stc_pseudo.settings import MaskSettings, SimilaritySettings

    network, masks = SimilaritySettings(), MaskSettings(cues=("depth", "flow"))
    return {
        "thresholds": {
            f"{s} {t}": (network, replace(masks, threshold_depth=s, threshold_flow=t))
            for s in DEPTH_THRESHOLDS
            for t in FLOW_THRESHOLDS
        },
        "layers": {str(n): (replace(network, layers=n), masks) for n in LAYERS},
        "dilation": {str(n): (replace(network, dilation=n), masks) for n in DILATIONS},
        "cues": {
            " and ".join(cues): (network, replace(masks, cues=cues))
            for cues in (("depth",), ("flow",), ("depth", "flow"))
        },
    }


def frames_of(store: StoreReader, truth: Path, step: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Every `step`-th frame of a store that has true masks: inverse depth (h, w), flow (2, h, w), class numbers (N,),
    tight boxes (N, 4), and masks (N, H, W) bool.
    """
    from stc_pseudo.evaluation.ground_truth import fitting_masks
    from stc_track.masks import rle

    for name in store.sequences:
        sequence = store.sequence(name)
        masks = fitting_masks(sequence, truth)
        for t in range(0, len(sequence), step):
            objects = masks.get(sequence.numbers[t])
            if objects:
                yield (
                    sequence.read("inverse_depth", t),
                    sequence.read("flow", t),
                    np.array([o.class_id for o in objects]),
                    np.stack([rle.tight_box(o.counts, o.height, o.width) for o in objects]),
                    np.stack([rle.decode(o.counts, o.height, o.width) for o in objects]),
                )


def similarities(
    depth: np.ndarray, flow: np.ndarray, size: tuple[int, int], network: SimilaritySettings, gains: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Edge similarities of one frame in depth and in flow, (1, 8, h, w) uint8, as a store keeps them."""
    from stc_pseudo.signal.normalisation import normalise_flow, normalise_inverse_depth
    from stc_pseudo.signal.similarity import edge_similarity

    maps = (
        normalise_inverse_depth(depth.astype(np.float32)[None], gains[0])[:, None],
        normalise_flow(flow.astype(np.float32)[None], size, gains[1]),
    )
    return tuple(
        np.rint(edge_similarity(cue, network.layers, network.dilation, network.factor) * 255).astype(np.uint8)
        for cue in maps
    )


def measure(
    store: StoreReader, truth: Path, step: int, min_area: int, gains: tuple[float, float]
) -> dict[str, dict[str, dict]]:
    """Mean IoU of each of `variants`.

    Args:
        store: where depth and flow are taken from.
        truth: as `stc_pseudo.evaluation.pseudo_masks.inspect_store` takes it.
        step: every how many frames.
        min_area: true masks of fewer pixels do not count; their boxes take sub-regions all the same.
        gains: of inverse depth and of flow (`stc_pseudo.signal.normalisation`).

    Returns:
        by table, row and class (or `all`), and for the row `filled box` of the table `boxes`: the mean IoU.
    """
    from stc_pseudo.evaluation.overlap import mask_iou
    from stc_pseudo.puzzle.sub_regions import regions_in_boxes
    from stc_pseudo.signal.fusion import fuse
    from stc_track.io.progress import Bar

    tables, classes, filled = variants(), [], []
    scores = {(table, row): [] for table, rows in tables.items() for row in rows}
    for depth, flow, class_ids, boxes, masks in Bar(frames_of(store, truth, step), desc="grid", unit="frame"):
        size = masks.shape[1:]
        true = [mask[y1:y2, x1:x2] for mask, (x1, y1, x2, y2) in zip(masks, boxes.astype(int), strict=True)]
        counted = [i for i, mask in enumerate(true) if np.count_nonzero(mask) >= min_area]
        classes += class_ids[counted].tolist()
        filled += [true[i].mean() for i in counted]
        similarities_of = {}  # similarities by the network's settings
        for (table, row), ious in scores.items():
            network, settings = tables[table][row]
            if network not in similarities_of:
                similarities_of[network] = similarities(depth, flow, size, network, gains)
            edges = fuse(*similarities_of[network], settings, network.dilation)[1][0]
            pieces = regions_in_boxes(edges, boxes, size)
            ious += [mask_iou(pieces[i][1] > 0, true[i]) for i in counted]
    of_class = {name: np.array(classes) == number for number, name in store.class_names.items()}

    def means(values: list[float]) -> dict[str, float | None]:
        ious = np.array(values)
        return {name: float(ious[rows].mean()) if rows.any() else None for name, rows in of_class.items()} | {
            "all": float(ious.mean()),
            "instances": len(ious),
        }

    report = {table: {row: means(scores[table, row]) for row in rows} for table, rows in tables.items()}
    return report | {"boxes": {"filled box": means(filled)}}


def cell(means: dict[str, float | None]) -> str:
    """`all (car / pedestrian)`: the mean over all, then over each class."""
    classes = " / ".join(number(value) for name, value in means.items() if name not in ("all", "instances"))
    return f"{number(means['all'])} ({classes})"


def as_tables(report: dict[str, dict[str, dict]]) -> list[Table]:
    """The grid, and a table of one column for each of the others."""
    box = report["boxes"]["filled box"]
    note = f"{box['instances']} instances; filled boxes {cell(box)}. Mean IoU: all ({' / '.join(list(box)[:-2])})."
    grid = [(str(s), *(cell(report["thresholds"][f"{s} {t}"]) for t in FLOW_THRESHOLDS)) for s in DEPTH_THRESHOLDS]
    return [
        Table("Thresholds (Table VII)", note, ("phi_s \\ phi_t", *map(str, FLOW_THRESHOLDS)), grid),
        *(
            Table(title, "", (row_name, "mean IoU"), [(row, cell(means)) for row, means in report[key].items()])
            for key, title, row_name in (
                ("layers", "Layers (Table V)", "layers"),
                ("dilation", "Dilation (Table VI)", "dilation"),
                ("cues", "Signals (Table III)", "signal"),
            )
        ),
    ]


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--store", "url", required=True, help="By `stc-pseudo build`; its depth and flow are used.")
@click.option("--truth", type=PATH, required=True, help="Data set with true masks.")
@click.option("--step", type=click.IntRange(min=1), default=1, help="Every how many frames.")
@click.option("--min-area", default=300, help="Pixels of the true masks that count.")
@click.option("--depth-gain", type=float, help="Of normalised inverse depth.  [default: the project's]")
@click.option("--flow-gain", type=float, help="Of normalised flow.  [default: the project's]")
@click.option("--json", "json_file", type=PATH, help="Write the figures here as well.")
def main(
    url: str,
    truth: Path,
    step: int,
    min_area: int,
    depth_gain: float | None,
    flow_gain: float | None,
    json_file: Path | None,
) -> None:
    """Print mean IoU over the grid of thresholds, for each number of layers, and for each dilation."""
    from stc_pseudo.settings import SimilaritySettings
    from stc_pseudo.store.reader import StoreReader
    from stc_track.io.files import replacing

    standard = SimilaritySettings()
    gains = (depth_gain or standard.depth_gain, flow_gain or standard.flow_gain)
    report = measure(StoreReader(url), truth, step, min_area, gains)
    for table in as_tables(report):
        click.echo(table.as_markdown())
    grid = {row: means["all"] for row, means in report["thresholds"].items()}
    best = max(grid, key=grid.get)
    click.echo(f"\nphi_s, phi_t = 0.3, 0.4: {grid['0.3 0.4']:.3f}; best, {best.replace(' ', ', ')}: {grid[best]:.3f}")
    if json_file is not None:
        with replacing(json_file, "w") as file:
            json.dump(report, file, indent=1)


if __name__ == "__main__":
    main()
