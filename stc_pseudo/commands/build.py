"""`stc-pseudo build`: boxes and video to a store of pseudo-labels."""

from __future__ import annotations

from typing import Any

import click

from stc_pseudo.commands.dataset_flags import DatasetFlags, dataset_options
from stc_pseudo.commands.source_flags import SourceFlags, source_options
from stc_track.io.console import Command
from stc_track.io.errors import InputError


@click.command(cls=Command, renamed={"--depth-holes": "--depth-artefacts"}, context_settings={"show_default": True})
@dataset_options(own=True, boxes=True)
@click.option("--out", default="runs/store", help="the store: a folder or an fsspec URL")
@source_options
@click.option(
    "--cues",
    default="depth,flow,colour,motion",
    help="features of the affinities, comma-separated; motion is flow with camera motion compensation",
)
@click.option(
    "--trust",
    type=click.Choice(["exact", "estimated"]),
    help="how sharp the cuts at depth and flow are  [default: exact where both are precomputed]",
)
@click.option(
    "--detail",
    type=click.Choice(["1", "2", "4"]),
    help="pixels a side of the cells of depth and flow that masks are cut by; below 4 the store keeps these "
    "too  [default: 1 for --trust exact, else 4]",
)
@click.option("--layers", type=click.IntRange(1, 4), default=3, help="of the mini network")
@click.option("--dilation", type=click.IntRange(1, 3), default=2, help="of the mini network, cells")
@click.option("--threshold-depth", type=click.FloatRange(0, 1), default=0.3, help="phi_s of Eq. 2")
@click.option("--threshold-flow", type=click.FloatRange(0, 1), default=0.4, help="phi_t of Eq. 2")
@click.option(
    "--overwrite",
    type=click.Choice(["none", "masks", "similarity", "all"]),
    default="none",
    help="the earliest stage to redo in complete sequences",
)
@click.option(
    "--keep",
    type=click.Choice(["similarity"]),
    multiple=True,
    help="keep the similarity maps too, 340 kB a frame of 1242x375; otherwise they are made again when they are read",
)
@click.option(
    "--limit-failures",
    type=click.IntRange(min=0),
    default=100,
    help="stop when more shards than this have failed; a higher one builds whatever else it can",
)
@click.option(
    "--check-frames", is_flag=True, help="read every byte of the frames, also where sizes and times are as before"
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    help="processes of this machine; where networks run on a GPU, one more is theirs",
)
@click.option(
    "--scheduler",
    help="make the shards on a Dask cluster that is there: tcp://HOST:PORT, or its scheduler file; --workers does not "
    "count",
)
@click.option("--device", default="auto", help="of the networks: cpu, cuda, or auto for cuda where there is one")
def main(
    data: DatasetFlags,
    out: str,
    cues: str,
    trust: str | None,
    detail: str | None,
    layers: int,
    dilation: int,
    threshold_depth: float,
    threshold_flow: float,
    overwrite: str,
    keep: tuple[str, ...],
    limit_failures: int,
    check_frames: bool,
    workers: int,
    scheduler: str | None,
    **sources: Any,
) -> None:
    """Write depth, flow, similarity maps and pseudo-masks of every frame to a store."""
    from stc_pseudo.settings import CUES, DETAIL, TRUST, LabelSettings, MaskSettings, SimilaritySettings

    chosen = tuple(cues.split(","))
    if not set(chosen) <= set(CUES):
        raise InputError("--cues", expected=f"some of {','.join(CUES)}", found=cues)
    from stc_pseudo.build import build
    from stc_pseudo.executors import InProcess
    from stc_pseudo.store.writer import StoreWriter

    root = data.folder
    if data.dataset == "demo" and not (root / "demo.json").is_file():
        from stc_pseudo.synthetic import render_dataset

        render_dataset(root)
    videos = data.read()
    choice = SourceFlags.take(sources).choose(data, videos, out)
    trust = trust or ("exact" if choice.exact else "estimated")
    settings = LabelSettings(
        SimilaritySettings(layers, dilation),
        MaskSettings(threshold_depth, threshold_flow, chosen, **TRUST[trust]),
        int(detail) if detail else DETAIL[trust],
    )
    writer = StoreWriter(out, data.dataset, videos[0].class_names, root)
    if workers == 1 and scheduler is None:
        estimators = choice.make()
        making = InProcess(estimators)
    else:
        from stc_pseudo.cluster import OnDask

        estimators = choice.on_cpu().make()  # workers load their own: this process only asks what they are
        make = choice.for_workers().make
        making = OnDask(make, writer.store, workers, scheduler, gpu=scheduler is None and choice.on_gpu())
    build(videos, *estimators, writer, settings, overwrite, making, keep, limit_failures, check_frames)
