"""`stc-train`: train an MMDetection segmenter on a store of pseudo-labels."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stc_track.io.console import Command, is_verbose
from stc_track.io.options import PATH, PLACE, split_names
from stc_track.io.preset_option import preset_option

if TYPE_CHECKING:
    from stc_train.engine.recorded_labels import Preset

log = logging.getLogger(__name__)


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--pseudo-store", "store", required=True, help="The store that `stc-pseudo build` wrote; path or URL.")
@click.option(
    "--config",
    default="auto",
    help="A name in stc_train/configs, or the path of your own MMEngine config; auto takes ResNet-50 where there is a "
    "GPU, and a small network on a CPU, with the frames' proportions kept.",
)
@preset_option(
    ("best", "paper"),
    "the loss of III-B2 on labels of `stc-pseudo build --preset paper`; with --config auto also network and schedule "
    "of IV-C and IV-D",
)
@click.option(
    "--work-dir",
    type=PATH,
    default=None,
    help="Where checkpoints, log, config and model.pth go.  [default: runs/CONFIG]",
)
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in the work directory.")
@click.option(
    "--cfg-options",
    multiple=True,
    metavar="KEY=VALUE ...",
    help="Change settings of the config, as model.mask_head.topk_masks_per_img=32; several with blanks "
    "between, as in MMDetection, or repeat the flag.",
)
@click.argument("more_options", nargs=-1, metavar="")
@click.option(
    "--max-iters",
    type=click.IntRange(min=1),
    default=None,
    help="Stop after so many steps; the learning rate's schedule is shortened with it.",
)
@click.option("--seed", type=int, default=0, help="Of initial weights, order and augmentation.")
@click.option(
    "--init-backbone",
    default="auto",
    help="Start from these weights: torchvision's state dict of a ResNet, a Monodepth2 encoder, EfficientNet-Lite0; "
    "auto takes ImageNet's where they are installed here, scratch takes none.",
)
@click.option(
    "--true-masks",
    type=PATH,
    default=None,
    help="Train on the true masks of the store's boxes instead of its pseudo-masks: a KITTI MOTS folder, one of "
    "{sequence}.txt, or a YouTube-VIS JSON file.",
)
@click.option(
    "--init-model",
    type=PATH,
    default=None,
    help="Go on learning from a model.pth of the same network and classes, on this store.  [default: on a CPU, with "
    "neither --config nor --init-backbone, the shipped one where the classes are car and pedestrian]",
)
@click.option(
    "--min-mask-score",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Pseudo-masks of a lower score (`stc-pseudo report` shows them) do not count: only their boxes are learnt.",
)
@click.option("--weight-by-score", is_flag=True, help="Count each pseudo-mask by its score.")
@click.option("--sequences", callback=split_names, help="Train on these sequences only: names with commas between.")
@click.option(
    "--frames-root", type=PLACE, default=None, help="Folder of the frames, if they moved since the store was built."
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16", "float16"]),
    default="float32",
    help="Of the forward pass; bfloat16 runs on CPUs too.",
)
@click.option(
    "--val-sequences",
    callback=split_names,
    default=None,
    help="Measure the masks' AP on these during training, and keep the best model; commas between.",
)
@click.option(
    "--val-truth",
    type=PATH,
    default=None,
    help="True masks for that: a KITTI MOTS folder, or one of {sequence}.txt.  [default: the pseudo-masks]",
)
@click.option(
    "--val-interval",
    type=click.IntRange(min=1),
    default=None,
    help="Steps between validations.  [default: as between checkpoints]",
)
@click.option("--device", default=None, help="cpu, cuda or cuda:N.  [default: cuda if there is one]")
def main(
    store: str,
    config: str,
    preset: Preset,
    work_dir: Path | None,
    resume: bool,
    cfg_options: tuple[str, ...],
    more_options: tuple[str, ...],
    max_iters: int | None,
    seed: int,
    init_backbone: str,
    true_masks: Path | None,
    init_model: Path | None,
    min_mask_score: float,
    weight_by_score: bool,
    sequences: list[str] | None,
    frames_root: Path | None,
    precision: str,
    val_sequences: list[str] | None,
    val_truth: Path | None,
    val_interval: int | None,
    device: str | None,
) -> None:
    """Train CondInst on a store with the puzzle loss; only RGB is needed afterwards.

    On several GPUs: torchrun --nproc-per-node N --no-python stc-train ...
    """
    if more_options and not cfg_options:
        raise click.UsageError(f"expected flags only, found '{more_options[0]}'")
    choose_device(device)
    from stc_train.engine.progress import mute_libraries

    if not is_verbose():
        mute_libraries()
    from stc_train.engine.backbone import AUTO as SOURCE_AUTO
    from stc_train.engine.backbone import find_weights, train_whole
    from stc_train.engine.choose_config import AUTO, choose_config, keep_proportions, paper_config
    from stc_train.engine.config_file import change_config
    from stc_train.engine.recorded_labels import apply_paper, require_paper
    from stc_train.engine.train import TrainingRun, load_config, train

    if preset == "paper" and config == AUTO:
        config = paper_config(store)
        log.info("config: %s (--preset paper)", config)
    choice = choose_config(store) if config == AUTO else None
    if choice is not None:
        text = "config: %s (%s; --config %s for the other); how long it takes is told after the first steps"
        log.info(text, choice.config, choice.reason, choice.other)
        config = choice.config
        init_model = init_model or (None if resume or init_backbone != SOURCE_AUTO else choice.init_model)
    complete = load_config(config)
    if preset == "paper":
        apply_paper(complete)
    change_config(complete, cfg_options + more_options)
    if preset == "paper":
        require_paper(complete)
    # What a model holds is not replaced by what happens to be installed.
    weights = find_weights(init_backbone, complete) if init_model is None or init_backbone != SOURCE_AUTO else None
    if choice is not None:
        keep_proportions(complete, store)
        if weights is None and init_model is None:
            train_whole(complete)
    try:
        train(
            complete,
            TrainingRun(
                store,
                work_dir or Path("runs") / Path(config).stem,
                resume=resume,
                max_iters=max_iters,
                seed=seed,
                init_backbone=weights,
                init_model=init_model,
                sequences=sequences,
                root=frames_root,
                precision=precision,
                val_sequences=tuple(val_sequences or ()),
                val_truth=val_truth,
                val_interval=val_interval,
                true_masks=true_masks,
                min_mask_score=min_mask_score,
                weight_by_score=weight_by_score,
                verbose=is_verbose(),
            ),
        )
    except FloatingPointError as error:
        raise click.ClickException(str(error)) from error


def choose_device(device: str | None) -> None:
    """Hide every CUDA device but the chosen one; MMEngine takes what it sees. Before torch looks for devices.

    `cuda:N` is the N-th of those that CUDA_VISIBLE_DEVICES leaves, as a scheduler sets it; all, where it is not set.

    Raises:
        click.BadParameter: not a device's name, or there is no such device.
    """
    if device is None:
        return
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda") or (number and (kind == "cpu" or not number.isdecimal())):
        raise click.BadParameter(f"expected cpu, cuda or cuda:N, found '{device}'", param_hint="--device")
    if kind == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif number:
        os.environ["CUDA_VISIBLE_DEVICES"] = visible_device(int(number), os.environ.get("CUDA_VISIBLE_DEVICES"))
    if kind == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise click.BadParameter(f"expected a CUDA device, found none for '{device}'", param_hint="--device")


def visible_device(number: int, visible: str | None) -> str:
    """What CUDA calls the device that this process may call `cuda:number`.

    Args:
        number: counts from 0.
        visible: CUDA_VISIBLE_DEVICES, numbers or names with commas between; None where it is not set.

    Raises:
        click.BadParameter: it leaves fewer devices.

    Examples:
        >>> visible_device(1, "4,6"), visible_device(1, None)
        ('6', '1')
    """
    if visible is None:
        return str(number)
    names = [name.strip() for name in visible.split(",") if name.strip()]
    if number >= len(names):
        raise click.BadParameter(
            f"expected a device that CUDA_VISIBLE_DEVICES={visible} leaves, found cuda:{number} of {len(names)}",
            param_hint="--device",
        )
    return names[number]
