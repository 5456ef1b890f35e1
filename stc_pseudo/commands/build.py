"""`stc-pseudo build`: boxes and video to a store of pseudo-labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import click

from stc_pseudo.commands.dataset_flags import DatasetFlags, dataset_options
from stc_pseudo.commands.source_flags import SourceFlags, source_options
from stc_pseudo.settings import (
    CUES,
    DETAIL,
    PAPER,
    PAPER_TABLES,
    SIGNALS,
    TRUST,
    Labels,
    LabelSettings,
    MaskSettings,
    Preset,
    SimilaritySettings,
)
from stc_track.io.config_option import config_options, current_config
from stc_track.io.console import Command
from stc_track.io.errors import InputError
from stc_track.io.preset_option import is_said, preset_option, refuse_contradiction

if TYPE_CHECKING:
    from stc_pseudo.store.reader import StoreReader

NETWORK, MASKS, SHARE = SimilaritySettings(), MaskSettings(), click.FloatRange(0, 1)
# Flags that are keys of a table of --config.
TABLE_KEYS = {
    "layers": "similarity.layers",
    "dilation": "similarity.dilation",
    "threshold_depth": "masks.threshold_depth",
    "threshold_flow": "masks.threshold_flow",
    "cues": "masks.cues",
    "labels": "masks.labels",
}


def split_cues(_ctx: click.Context, _option: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """The cues in `a,b,c`; None where nothing is said."""
    if value is None:
        return None
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    if not names or not set(names) <= set(CUES):
        raise InputError("--cues", expected=f"some of {','.join(CUES)}", found=value)
    return names


def warn_of_trust(_ctx: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Say once that a former flag goes."""
    if value is not None:
        click.echo(
            "warning: --trust goes with version 0.3: --preset best tells by itself how sharp depth and flow are, and "
            "[masks] of --config sets the deviations",
            err=True,
        )
    return value


@click.command(
    cls=Command,
    renamed={"--depth-holes": "--depth-artefacts"},
    set_by={
        "init_backbone": "`stc-pseudo refine --init-backbone`",
        "rounds": "`stc-pseudo refine --rounds`",
        "calib": "`stc-pseudo train-depth --calib`",
        "intrinsics": "`stc-pseudo train-depth --intrinsics`",
    },
    context_settings={"show_default": True},
)
@dataset_options(own=True, boxes=True)
@config_options({"similarity": SimilaritySettings, "masks": MaskSettings}, TABLE_KEYS)
@click.option("--out", default="runs/store", help="The store: a folder or an fsspec URL.")
@source_options
@preset_option(get_args(Preset), "the method as printed: --labels mask from depth and flow alone")
@click.option(
    "--labels",
    type=click.Choice(get_args(Labels)),
    help="mask: M of Eq. 2 in the box; regions: the sub-regions between cut edges that lie in it; walk: soft cuts, "
    "which know colour and motion too.  [default: walk, or mask with --preset paper]",
)
@click.option(
    "--cues",
    callback=split_cues,
    help="What the masks are cut by, comma-separated; motion is flow with camera motion compensation.  [default: "
    f"{','.join(CUES)} for walk, else {','.join(SIGNALS)}]",
)
@click.option("--trust", type=click.Choice(list(TRUST)), hidden=True, callback=warn_of_trust)
@click.option(
    "--detail",
    type=click.Choice(["1", "2", "4"]),
    help="Pixels a side of the cells of depth and flow that masks are cut by; below 4 the store keeps these "
    "too.  [default: 1 where both are precomputed, else 4]",
)
@click.option("--layers", type=click.IntRange(1, 4), default=NETWORK.layers, help="Of the mini network.")
@click.option("--dilation", type=click.IntRange(1, 3), default=NETWORK.dilation, help="Of the mini network, cells.")
@click.option("--threshold-depth", type=SHARE, default=MASKS.threshold_depth, help="phi_s of Eq. 2.")
@click.option("--threshold-flow", type=SHARE, default=MASKS.threshold_flow, help="phi_t of Eq. 2.")
@click.option(
    "--overwrite",
    type=click.Choice(["none", "masks", "similarity", "all"]),
    default="none",
    help="The earliest stage to redo in complete sequences.",
)
@click.option(
    "--cues-only",
    is_flag=True,
    help="Depth and flow for `stc-track --cues`, of video without boxes: no masks are made, and no boxes are read.",
)
@click.option(
    "--refine",
    is_flag=True,
    help="Refine the masks as `stc-pseudo refine` does by default; the first round stays in OUT.first.",
)
@click.option(
    "--keep",
    type=click.Choice(["similarity"]),
    multiple=True,
    help="Keep the similarity maps too, 340 kB a frame of 1242x375; otherwise they are made again when they are read.",
)
@click.option(
    "--limit-failures",
    type=click.IntRange(min=0),
    default=100,
    help="Stop when more shards than this have failed; a higher one builds whatever else it can.",
)
@click.option(
    "--check-frames", is_flag=True, help="Read every byte of the frames, also where sizes and times are as before."
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    help="Processes of this machine; where networks run on a GPU, one more is theirs.",
)
@click.option(
    "--scheduler",
    help="Make the shards on a Dask cluster that is there: tcp://HOST:PORT, or its scheduler file; --workers does not "
    "count.",
)
@click.option("--device", default="auto", help="Of the networks: cpu, cuda, or auto for cuda where there is one.")
def main(
    data: DatasetFlags,
    out: str,
    preset: Preset,
    trust: str | None,
    detail: str | None,
    overwrite: str,
    cues_only: bool,
    refine: bool,
    keep: tuple[str, ...],
    limit_failures: int,
    check_frames: bool,
    workers: int,
    scheduler: str | None,
    print_config: bool,
    **others: Any,
) -> None:
    """Write depth, optical flow and pseudo-masks of every frame to a store."""
    sources = SourceFlags.take(others)  # the rest are keys of tables
    if cues_only and (refine or data.boxes is not None):
        found = "--refine" if refine else "--boxes"
        raise InputError("--cues-only", expected="no flag about masks or boxes", found=found)
    if print_config:
        settings = _settings(preset, trust or ("exact" if sources.exact(data) else "estimated"), detail)
        tables = {"similarity": settings.similarity, "masks": settings.masks}
        click.echo(current_config().text(tables, detail=settings.detail, trust=None), nl=False)
        return
    from stc_pseudo.building.build_store import build
    from stc_pseudo.building.executors import InProcess
    from stc_pseudo.store.reader import StoreReader
    from stc_pseudo.store.writer import StoreWriter

    root = data.folder
    if data.dataset == "demo" and not (root / "demo.json").is_file():
        from stc_pseudo.synthetic import render_dataset

        render_dataset(root)
    videos = data.read(boxes=not cues_only)
    target, out = out, f"{out.rstrip('/')}.first" if refine else out
    refiner = _refiner(sources.device) if refine else None  # says what it lacks before anything is built
    choice = sources.choose(data, videos, out)
    settings = _settings(preset, trust or ("exact" if choice.exact else "estimated"), detail)
    writer = StoreWriter(out, data.dataset, videos[0].class_names, root)
    if workers == 1 and scheduler is None:
        estimators = choice.make()
        making = InProcess(estimators)
    else:
        from stc_pseudo.building.cluster import OnDask

        estimators = choice.on_cpu().make()  # workers load their own: this process only asks what they are
        make = choice.for_workers().make
        making = OnDask(make, writer.store, workers, scheduler, gpu=scheduler is None and choice.on_gpu())
    build(videos, *estimators, writer, settings, overwrite, making, keep, limit_failures, check_frames)
    if refiner is not None:
        refiner(StoreReader(out), target, tuple(video.name for video in videos))


def _refiner(device: str) -> Callable[[StoreReader, str, tuple[str, ...]], None]:
    """What refines a store as `stc-pseudo refine` does without further flags."""
    from stc_pseudo.commands.refine import BACKBONE
    from stc_pseudo.nn.devices import require_device
    from stc_pseudo.refine.encoder import make_encoder
    from stc_pseudo.refine.refine_store import refine_store
    from stc_pseudo.refine.settings import RefineSettings

    place = str(require_device(device))
    settings = RefineSettings()
    return partial(refine_store, encoder=make_encoder(BACKBONE, place), settings=settings, device=place)


def _settings(preset: Preset, maps: str, detail: str | None) -> LabelSettings:
    """What preset, file and flags say together; `maps` is a key of `TRUST`.

    Raises:
        InputError: a flag or a key of the file contradicts the preset.
    """
    config = current_config()
    base = dict(PAPER if preset == "paper" else TRUST[maps])
    labels = config.said("labels") or base.get("labels", MASKS.labels)
    if labels != "walk":
        base.setdefault("cues", SIGNALS)
    settings = LabelSettings(
        config.settings("similarity", SimilaritySettings),
        config.settings("masks", MaskSettings, base),
        int(detail) if detail else DETAIL[maps],
        preset,
    )
    if preset == "paper":
        bundle = {"similarity": asdict(SimilaritySettings()), "masks": asdict(MaskSettings(**PAPER))}
        refuse_contradiction(preset, settings, bundle, PAPER_TABLES, TABLE_KEYS)
    elif is_said():
        refuse_contradiction(preset, settings, {"masks": {"labels": MASKS.labels}}, (), TABLE_KEYS)
    return settings
