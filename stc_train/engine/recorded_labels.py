"""A training follows what its store records: which kind of labels, by which thresholds, at which dilation.

Two presets: `paper` is the loss of III-B2 as printed on the labels `mask`, `best` leaves a config as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from mmengine.config import Config

from stc_pseudo.store.reader import StoreReader
from stc_track.io.errors import InputError, SettingError
from stc_train.engine.adapt_config import plain

Preset = Literal["best", "paper"]
# L_bd of Eq. 4, and L'_dice of Eq. 5; a mean over the frame as printed.
PAPER_LOSS = {"box_term": "dice_penalty", "boundary": "pixel", "area": "frame"}
PAPER_ROWS = {"box_term": ("dice", "dice_penalty"), "boundary": ("none", "bce", "pixel"), "area": ("frame",)}
PAPER_LABELS = "mask"
REPLACED = "the store's own settings are taken where a config says nothing"


def apply_paper(config: Config) -> None:
    """Have a config train as printed: the loss, and locations around the boxes' centres.

    A config without a puzzle loss, as those of Table IX, learns from the store's masks by its own losses.
    """
    config.preset, config.labels = "paper", PAPER_LABELS
    for loss in puzzle_losses(config.model):
        loss.update(PAPER_LOSS)
    for step in packing_steps(config):
        step["centers"] = "box"


def require_paper(config: Config) -> None:
    """Stop where settings that were changed afterwards are not those of a row of Table IV.

    Raises:
        SettingError: naming the setting.
    """
    for loss in puzzle_losses(config.model):
        for key, rows in PAPER_ROWS.items():
            if loss.get(key) not in rows:
                expected = f"{' or '.join(rows)}, as preset paper has it"
                raise SettingError(f"loss_mask.{key}", expected, str(loss.get(key)), "leave it or `preset=` away")
    for step in packing_steps(config):
        if step.get("centers") != "box":
            expected = "box, as preset paper has it"
            raise SettingError("PackPseudoLabels.centers", expected, str(step.get("centers")), "leave it away")


def follow_store(config: Config, store: StoreReader, sequences: Sequence[str] | None, true_masks: bool) -> None:
    """Set the thresholds of kept edges, the dilation and the locations' centres as the store's labels want them.

    Args:
        config: adapted to the store.
        store: the store.
        sequences: that are trained on; None for all.
        true_masks: true masks take the place of the labels, whose kind then does not count.

    Raises:
        InputError: sequences of several kinds of labels, or of another kind than the config is for.
        SettingError: the config has another threshold or dilation than the labels were made with.
    """
    recorded = [recorded_settings(store.records[name]["provenance"]) for name in sequences or store.sequences]
    for key in recorded[0]:
        values = list(dict.fromkeys(settings.get(key) for settings in recorded))
        if len(values) > 1:
            hint = "`sequences=` names some, or build them all alike"
            raise InputError(
                store.url, expected=f"sequences of one {key}", found=" and ".join(map(str, values)), hint=hint
            )
    labels = recorded[0]
    wanted = config.get("labels")
    if wanted is not None and not true_masks and labels.get("labels", wanted) != wanted:
        hint = f"`stc-pseudo build --labels {wanted} --overwrite masks` makes them, or take another config"
        raise InputError(store.url, expected=f"labels '{wanted}'", found=f"'{labels['labels']}'", hint=hint)
    for step in config.train_dataloader.dataset.pipeline:
        if plain(step["type"]) == "LoadPseudoLabels":
            for key in ("depth_threshold", "flow_threshold"):
                _set(step, key, labels, f"LoadPseudoLabels.{key}")
    losses = puzzle_losses(config.model)
    for loss in losses:
        _set(loss, "dilation", labels, "loss_mask.dilation")
    for step in packing_steps(config):
        if step.get("centers") is None:
            boxes_alone = any(loss.get("boundary") == "none" for loss in losses)
            boxes_alone |= labels.get("labels") == PAPER_LABELS and not true_masks
            step["centers"] = "box" if boxes_alone else "mask"


def recorded_settings(provenance: dict[str, Any]) -> dict[str, Any]:
    """What a sequence's provenance says of its labels; nothing where they were not made by `build`."""
    masks, similarity = provenance.get("masks"), provenance.get("similarity")
    if not isinstance(masks, dict) or not isinstance(similarity, dict):
        return {}
    return {
        "labels": masks.get("labels", "walk"),
        "depth_threshold": masks["threshold_depth"],
        "flow_threshold": masks["threshold_flow"],
        "dilation": similarity["dilation"],
    }


def _set(part: dict[str, Any], key: str, labels: dict[str, Any], name: str) -> None:
    if key not in labels:
        return
    if part.get(key) not in (None, labels[key]):
        raise SettingError(name, f"{labels[key]}, as the store's labels were made", str(part[key]), REPLACED)
    part[key] = labels[key]


def packing_steps(config: Config) -> list[dict[str, Any]]:
    """The steps of the training pipeline that pack the store's maps."""
    return [
        step
        for step in config.train_dataloader.dataset.get("pipeline", ())
        if plain(step["type"]) == "PackPseudoLabels"
    ]


def puzzle_losses(part: Any) -> list[dict[str, Any]]:
    """Every puzzle loss in a model's config."""
    if isinstance(part, dict):
        losses = [part] if plain(part.get("type")) == "PuzzleLoss" else []
        return losses + [loss for value in part.values() for loss in puzzle_losses(value)]
    if isinstance(part, list | tuple):
        return [loss for value in part for loss in puzzle_losses(value)]
    return []
