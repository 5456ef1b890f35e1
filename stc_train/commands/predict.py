"""`stc-predict`: instance masks of videos with a trained model, from RGB alone."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import click

from stc_pseudo.commands.dataset_flags import DatasetFlags, dataset_options
from stc_track.io.console import Command, is_verbose
from stc_track.io.errors import InputError
from stc_track.io.options import PATH

log = logging.getLogger(__name__)


@click.command(cls=Command, renamed={"--veto": "--network-weight"}, context_settings={"show_default": True})
@click.argument("checkpoint", type=PATH)
@click.argument("sources", type=PATH, nargs=-1)
@dataset_options(required=False, own=True, boxes=True)
@click.option("--out", type=PATH, required=True, help="Folder for {sequence}.txt.")
@click.option("--score-threshold", type=click.FloatRange(0, 1), default=0.05, help="Leave out detections below.")
@click.option(
    "--max-per-frame",
    "--max-detections",
    "max_detections",
    type=click.IntRange(min=1),
    default=None,
    help="Of a frame, those of the highest scores; more find more in crowds and take more time.  [default: the "
    "model's, 100 in the shipped configs]",
)
@click.option("--batch-size", type=click.IntRange(min=1), default=1, help="Frames at a time.")
@click.option("--flip", is_flag=True, help="Average with the detections on the mirror image (CondInst).")
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    default="float32",
    help="Of the network; bfloat16 runs on CPUs too.",
)
@click.option(
    "--scale",
    type=click.FloatRange(min=0.1),
    default=None,
    help="With --boxes: the network sees frames this much larger than without.  [default: 1.5]",
)
@click.option(
    "--network-weight",
    type=click.FloatRange(0, 1),
    default=None,
    help="With --boxes: how much the network's mask probability counts beside box and colours; 0 ignores the "
    "network, 1 takes its probability as it is.  [default: 0.1]",
)
@click.option("--device", default="cpu", help="cpu, cuda or cuda:N.")
def main(
    data: DatasetFlags,
    checkpoint: Path,
    sources: tuple[Path, ...],
    out: Path,
    score_threshold: float,
    max_detections: int | None,
    batch_size: int,
    flip: bool,
    precision: str,
    scale: float | None,
    network_weight: float | None,
    device: str,
) -> None:
    """Detect and segment the objects on every frame with CHECKPOINT, a model.pth of `stc-train`.

    SOURCES are pictures, video files and folders of these; or --dataset names a data set's layout.

    Writes detections in the public MOTS format. With --boxes it detects nothing: each given box gets a mask, written as
    KITTI MOTS text with the boxes' track ids.
    """
    if sources:
        data = replace(data, frames=(*data.frames, *sources))
    if data.dataset is None:
        hint = "`stc-predict model.pth VIDEO --out DIR`, or --dataset"
        raise InputError("SOURCES", expected="a picture, a video file or a folder of these", found="none", hint=hint)
    for flag, value in (("--scale", scale), ("--network-weight", network_weight)):
        if value is not None and data.boxes is None:
            raise InputError(flag, expected="--boxes with it", found="none")
    from stc_train.engine.progress import mute_libraries

    if not is_verbose():
        mute_libraries()
    from stc_train.models import model_file

    model = model_file.load(checkpoint, "CHECKPOINT")
    videos = data.read(boxes=data.boxes is not None, pictures=True)
    if data.boxes is None:
        from stc_train.inference.predict import predict

        written = predict(
            model,
            videos,
            out,
            score_threshold=score_threshold,
            max_detections=max_detections,
            batch_size=batch_size,
            flip=flip,
            precision=precision,
            device=device,
        )
        log.info("wrote %d detections to %s", written, out)
        return
    from stc_train.inference.boxes_to_masks import NETWORK_WEIGHT, SCALE, convert

    converted = convert(
        model,
        videos,
        out,
        scale=scale or SCALE,
        network_weight=NETWORK_WEIGHT if network_weight is None else network_weight,
        batch_size=batch_size,
        flip=flip,
        precision=precision,
        device=device,
    )
    log.info("wrote %d masks of %d boxes to %s", converted.masks, converted.boxes, out)
    if converted.masks < converted.boxes:
        log.info("the other %d boxes lost every pixel to others", converted.boxes - converted.masks)
