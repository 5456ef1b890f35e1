"""`stc-pseudo build`: boxes and video to a store of pseudo-labels."""

from __future__ import annotations

from pathlib import Path

import click

from stc_pseudo.commands.dataset_flags import PATH, DatasetFlags, dataset_options
from stc_track.io.console import Command
from stc_track.io.errors import InputError

DEMO_WEIGHTS = Path(__file__).parents[2] / "data" / "weights"


@click.command(cls=Command, renamed={"--depth-holes": "--depth-artefacts"}, context_settings={"show_default": True})
@dataset_options(own=True, boxes=True)
@click.option("--out", default="runs/store", help="the store: a folder or an fsspec URL")
@click.option(
    "--depth",
    "depth_name",
    type=click.Choice(["monodepth2", "sgbm", "precomputed"]),
    default="monodepth2",
    help="where depth comes from",
)
@click.option("--depth-weights", type=PATH, help="checkpoint for monodepth2")
@click.option(
    "--depth-artefacts",
    type=click.Choice(["fill", "keep"]),
    default="fill",
    help="infinite-depth artefacts of monodepth2, which sees objects that move with the camera infinitely far: "
    "give them the depth of the ground below them, or keep them",
)
@click.option("--depth-dir", type=PATH, help="folder of {sequence}/{frame}.png or .npy for precomputed")
@click.option(
    "--flow",
    "flow_name",
    type=click.Choice(["upflow", "dis", "precomputed"]),
    default="upflow",
    help="where optical flow comes from",
)
@click.option("--flow-weights", type=PATH, help="checkpoint for upflow")
@click.option("--flow-dir", type=PATH, help="folder of {sequence}/{frame}.png, .npy or .flo for precomputed")
@click.option(
    "--flow-directions",
    type=click.Choice(["next", "both"]),
    default="next",
    help="frames to estimate motion from; both takes the previous one where a pixel is occluded in the next, in "
    "twice the time",
)
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
@click.option("--workers", type=click.IntRange(min=1), default=1, help="shards at a time")
@click.option("--device", default="cpu", help="of the networks: cpu or cuda")
def main(
    data: DatasetFlags,
    out: str,
    depth_name: str,
    depth_weights: Path | None,
    depth_artefacts: str,
    depth_dir: Path | None,
    flow_name: str,
    flow_weights: Path | None,
    flow_dir: Path | None,
    flow_directions: str,
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
    device: str,
) -> None:
    """Write depth, flow, similarity maps and pseudo-masks of every frame to a store."""
    from stc_pseudo.settings import CUES, DETAIL, TRUST, LabelSettings, MaskSettings, SimilaritySettings

    trust = trust or ("exact" if depth_name == flow_name == "precomputed" else "estimated")
    chosen = tuple(cues.split(","))
    if not set(chosen) <= set(CUES):
        raise InputError("--cues", expected=f"some of {','.join(CUES)}", found=cues)
    settings = LabelSettings(
        SimilaritySettings(layers, dilation),
        MaskSettings(threshold_depth, threshold_flow, chosen, **TRUST[trust]),
        int(detail) if detail else DETAIL[trust],
    )
    from stc_pseudo.build import build
    from stc_pseudo.depth import make_depth_estimator
    from stc_pseudo.executors import InProcess
    from stc_pseudo.flow import make_flow_estimator
    from stc_pseudo.store.writer import StoreWriter

    root = data.folder
    if data.dataset == "demo":
        if not (root / "demo.json").is_file():
            from stc_pseudo.synthetic import render_dataset

            render_dataset(root)
        depth_dir, flow_dir = depth_dir or root / "training" / "depth", flow_dir or root / "training" / "flow"
        depth_weights = depth_weights or DEMO_WEIGHTS / "demo_monodepth2.pth"
        flow_weights = flow_weights or DEMO_WEIGHTS / "demo_upflow.pth"
    videos = data.read()
    depth = make_depth_estimator(
        depth_name, weights=depth_weights, folder=depth_dir, device=device, fill_artefacts=depth_artefacts == "fill"
    )
    flow = make_flow_estimator(flow_name, weights=flow_weights, folder=flow_dir, device=device)
    if flow_directions == "both":
        from stc_pseudo.flow.bidirectional import BidirectionalFlow

        flow = BidirectionalFlow(flow)
    writer = StoreWriter(out, data.dataset, videos[0].class_names, root)
    build(
        videos,
        depth,
        flow,
        writer,
        settings,
        overwrite,
        InProcess((depth, flow), workers),
        keep,
        limit_failures,
        check_frames,
    )
