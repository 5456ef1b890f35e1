"""Adapt MMDetection's own configs, and users', to train on a store.

Replaces what concerns files: data set, loading of frames and annotations, validation. Model, augmentation, optimiser
and schedule stay. The store's instance pseudo-masks take the place of annotated masks.
"""

from __future__ import annotations

from typing import Any

from mmengine.config import Config, ConfigDict

from stc_track.io.errors import InputError

# Geometric transforms that move the frame without noting how. MMDetection's own masks follow them; the store's maps,
# which are moved once at the end, cannot.
UNNOTED = (
    "Albu",
    "CachedMixUp",
    "CachedMosaic",
    "CopyPaste",
    "Expand",
    "MinIoURandomCrop",
    "MixUp",
    "Mosaic",
    "RandomAffine",
    "RandomCenterCropPad",
    "RandomShift",
    "Rotate",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "GeomTransform",
    "AutoAugment",
    "RandAugment",
)
WRAPPERS = ("RepeatDataset", "ClassBalancedDataset")


def is_store_dataset(dataset: dict[str, Any]) -> bool:
    """Whether a data set's config names ours."""
    return plain(dataset.get("type")) == "StoreDataset"


def plain(name: Any) -> str:
    """A registered name without its scope."""
    return str(name).rpartition(".")[2]


def adapt(config: Config) -> None:
    """Replace what concerns files in an MMDetection config by the store; a config of ours stays as it is.

    Raises:
        InputError: the config is no detector's, or its data set mixes several pictures outside the pipeline.
    """
    for key in ("model", "train_dataloader", "optim_wrapper", "train_cfg"):
        if key not in config:
            raise InputError(
                config.filename or "`config=`", expected=f"a config of MMDetection, with {key}", found="none"
            )
    dataset = config.train_dataloader.dataset
    if is_store_dataset(dataset):
        return
    while plain(dataset.get("type")) in WRAPPERS:
        dataset = dataset.dataset
    if "pipeline" not in dataset or "dataset" in dataset:
        raise InputError(
            config.filename or "`config=`",
            found=f"{plain(dataset.get('type'))}",
            expected="a data set with one pipeline",
            hint="set train_dataloader.dataset to one",
        )
    config.train_dataloader.dataset = ConfigDict(
        type="stc_train.StoreDataset", store=None, sequences=None, pipeline=training_pipeline(dataset.pipeline)
    )
    config.test_pipeline = test_pipeline(config)
    for key in ("val_dataloader", "val_evaluator", "val_cfg", "test_dataloader", "test_evaluator", "test_cfg"):
        config[key] = None
    config.train_cfg.pop("val_begin", None)
    _take_rgb(config.model.data_preprocessor)
    if plain(config.model.data_preprocessor.get("type")) == "DetDataPreprocessor":
        # Pictures of several sizes are padded to one batch; masks that are not would be stretched over it.
        config.model.data_preprocessor.setdefault("pad_mask", True)
    config.custom_imports = ConfigDict(imports=["stc_train.registry"], allow_failed_imports=False)
    config.setdefault("default_scope", "mmdet")


def training_pipeline(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same pipeline, reading frames, boxes and pseudo-masks from the store."""
    adapted: list[dict[str, Any]] = []
    for step in steps:
        match plain(step["type"]):
            case "LoadImageFromFile" | "LoadImageFromNDArray":
                adapted.append(ConfigDict(type="stc_train.LoadFrame"))
            case "LoadAnnotations":
                adapted += [
                    ConfigDict(type="LoadAnnotations", with_bbox=True),
                    ConfigDict(type="stc_train.LoadPseudoMasks"),
                ]
            case "PackDetInputs":
                adapted += [ConfigDict(type="stc_train.IgnoreLostMasks"), step]
            case _:
                adapted.append(step)
    return adapted


def test_pipeline(config: Config) -> list[dict[str, Any]]:
    """The config's pipeline for testing, reading frames as `LoadFrame` does, without annotations."""
    steps = config.get("test_pipeline") or (config.get("test_dataloader") or config.val_dataloader).dataset.pipeline
    return [
        ConfigDict(type="stc_train.LoadFrame") if plain(step["type"]) == "LoadImageFromFile" else step
        for step in steps
        if plain(step["type"]) != "LoadAnnotations"
    ]


def _take_rgb(preprocessor: dict[str, Any]) -> None:
    """Frames come as RGB; MMDetection's loader gives BGR, which its preprocessors turn round or not."""
    if preprocessor.pop("bgr_to_rgb", False):
        return
    preprocessor["rgb_to_bgr"] = True


def refuse_misaligned(config: Config) -> None:
    """Stop before the training if a transform would leave the store's maps behind.

    Raises:
        InputError: naming the transform.
    """
    steps = config.train_dataloader.dataset.pipeline
    if not any(plain(step["type"]) == "PackPseudoLabels" for step in steps):
        return
    for name in named_transforms(steps):
        if name in UNNOTED:
            raise InputError(
                config.filename or "`config=`",
                found=name,
                expected="a pipeline of Resize, RandomResize, RandomFlip, RandomCrop and colour changes",
                hint=f"the store's maps would not move with {name}: take it out",
            )


def require_edges(config: Config) -> None:
    """Stop before the training if its loss asks for kept edges that its pipeline does not read.

    Raises:
        InputError: naming the setting that reads them.
    """
    if "pairwise" not in _values(config.model, "boundary"):
        return
    steps = config.train_dataloader.dataset.pipeline
    loaders = [index for index, step in enumerate(steps) if plain(step["type"]) == "LoadPseudoLabels"]
    if not loaders or not steps[loaders[0]].get("edges"):
        place = f"train_dataloader.dataset.pipeline.{loaders[0]}.edges=True" if loaders else ""
        raise InputError(
            config.filename or "`config=`",
            found="edges=False" if loaders else "no such step",
            expected="a pipeline with stc_train.LoadPseudoLabels(edges=True) for boundary='pairwise'",
            hint=f"`cfg_options=` {place}" if loaders else "take the pipeline of condinst_base.py",
        )


def _values(part: Any, key: str) -> list[Any]:
    """Every value under a key, at any depth."""
    if isinstance(part, dict):
        values = [part[key]] if key in part else []
        return values + [value for inner in part.values() for value in _values(inner, key)]
    if isinstance(part, list | tuple):
        return [value for inner in part for value in _values(inner, key)]
    return []


def named_transforms(steps: Any) -> list[str]:
    """Names of all transforms of a pipeline, those in wrappers as well."""
    if isinstance(steps, dict):
        names = [plain(steps["type"])] if "type" in steps else []
        return names + [name for value in steps.values() for name in named_transforms(value)]
    if isinstance(steps, list | tuple):
        return [name for step in steps for name in named_transforms(step)]
    return []
