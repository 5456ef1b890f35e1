"""Configs and stores for each kind of mask supervision.

All configs share network, images, order, augmentation and schedule; what differs is what the masks are compared with.
MMDetection's own heads compute BoxInst's loss and the fully supervised one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipelines.baselines.mmdetection import mmdetection_model
from stc_pseudo.building.stages import pool_objects
from stc_pseudo.evaluation.ground_truth import fitting_masks
from stc_pseudo.store.reader import StoreReader
from stc_pseudo.store.schema import ARRAYS, SIMILARITY_ARRAYS
from stc_pseudo.store.writer import StoreWriter
from stc_track.formats.kitti_labels import read_labels
from stc_track.formats.store import CELL
from stc_track.io.files import replacing
from stc_track.masks import rle

CONFIG = "condinst_r18_demo"
LOOSE = 0.2  # of a box's width or height, the most that an edge moves
WRONG = 0.2  # share of the objects whose class is the other one
KINDS = {"Car": "Pedestrian", "Pedestrian": "Car"}


def write_config(path: Path, kind: str, warm_up: float) -> Path:
    """Write a training config.

    Args:
        path: of the file.
        kind: `ours`, `boxinst` or `condinst` (MMDetection's, fully supervised by the store's masks).
        warm_up: share of the steps over which BoxInst's pairwise term rises.
    """
    from stc_train.engine.train import load_config

    config = load_config(CONFIG)
    if kind != "ours":
        model = mmdetection_model(config.model.to_dict(), kind)
        if kind == "boxinst":
            model["mask_head"]["warmup_iters"] = max(round(config.train_cfg.max_iters * warm_up), 1)
            # MMDetection leaves out a frame's lowest 10 rows for COCO's sake; ours have boxes to the very border.
            model["data_preprocessor"] |= {"mask_stride": CELL, "bottom_pixels_removed": 0}
        config.model = model
        config.train_dataloader.dataset.pipeline = [
            step for stage in config.train_dataloader.dataset.pipeline for step in _own_step(stage, kind)
        ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, "w") as file:
        file.write(config.pretty_text)
    return path


def _own_step(step: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """The step of MMDetection's pipeline in place of one of ours."""
    match step["type"]:
        case "stc_train.LoadPseudoLabels":
            return [{"type": "stc_train.LoadPseudoMasks"}] if kind == "condinst" else []
        case "stc_train.PackPseudoLabels":
            return [{"type": "PackDetInputs", "meta_keys": step["meta_keys"]}]
        case _:
            return [step]


def as_ours(model: Path, out: Path) -> None:
    """Write a model with our CondInst in place of MMDetection's, which has the same layers: one code predicts for all.

    Args:
        model: a `model.pth` of any of the configs of `write_config`.
        out: the file to write.
    """
    from stc_pseudo.nn import weights
    from stc_train.engine.complete_config import set_classes
    from stc_train.engine.train import load_config

    content = weights.load(model, "model")
    described = load_config(CONFIG).model.to_dict()
    set_classes(described, len(content["class_names"]))
    weights.save(out, content | {"model": described})


def write_true_store(source: StoreReader, root: Path, out: Path) -> None:
    """Write a store whose pseudo-masks are the true masks; all else is the source's. Complete sequences stay.

    Args:
        source: a store of the data set.
        root: the data set, in the KITTI MOTS layout, with `instances_txt`.
        out: the new store.
    """
    from stc_pseudo.datasets.kitti import read_sequence

    with StoreWriter(str(out), "kitti", source.class_names, root) as writer:
        for name in source.sequences:
            provenance = {"masks": "true", "detail": CELL, "keep": ["similarity"], "source": source.fingerprint}
            if writer.recorded(name) == provenance:
                continue
            reader = source.sequence(name)
            truth = fitting_masks(reader, root)
            arrays = {array: reader.read(array, slice(None)) for array in (*ARRAYS, *SIMILARITY_ARRAYS)}
            arrays["objects"] = np.stack(
                [
                    true_objects(reader.boxes_at(t).track_ids, truth.get(number, []), reader.size)
                    for t, number in enumerate(reader.numbers)
                ]
            )
            pooled = [pool_objects(objects) for objects in arrays["objects"]]
            arrays["instances"], arrays["coverage"] = (np.stack(maps) for maps in zip(*pooled, strict=True))
            partial = writer.begin(read_sequence(root, name, "instances"), provenance)
            for start, stop in partial.missing():
                partial.write(start, {array: block[start:stop] for array, block in arrays.items()})
            writer.finish(name)


def true_objects(track_ids: np.ndarray, objects: list[Any], size: tuple[int, int]) -> np.ndarray:
    """(H, W) uint16: k where the true mask of the k-th box's track is, 0 elsewhere."""
    drawn, by_track = np.zeros(size, np.uint16), {obj.track_id: obj for obj in objects}
    for k, track in enumerate(track_ids.tolist(), 1):
        if track in by_track:
            drawn[rle.decode(by_track[track].counts, *size)] = k
    return drawn


def write_noisy_labels(root: Path, out: Path, sequences: list[str], noise: str, seed: int) -> None:
    """A copy of a data set by links, whose `label_02` has loose boxes or wrong classes.

    Args:
        root: a data set in the KITTI MOTS layout with `label_02`.
        out: the new data set; files that are there stay.
        sequences: names.
        noise: `loose`: each edge is moved in or out by up to `LOOSE` of the box's size, uniformly, frame by frame;
            `wrong`: `WRONG` of the objects have the other class, in all frames.
        seed: of the noise.
    """
    for folder in ("image_02", "calib", "depth", "flow"):
        link = out / "training" / folder
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to((root / "training" / folder).resolve())
    for name in sequences:
        noisy_file, label_file = (place / "training" / "label_02" / f"{name}.txt" for place in (out, root))
        if noisy_file.exists():
            continue
        frame = next((root / "training" / "image_02" / name).iterdir())
        lines = noisy_lines(label_file, frame_size(frame), noise, np.random.default_rng((seed, int(name))))
        noisy_file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(noisy_file, "w") as file:
            file.write("\n".join(lines) + "\n")


def noisy_lines(label_file: Path, size: tuple[int, int], noise: str, random: np.random.Generator) -> list[str]:
    """The lines of a `label_02` file with noise, as for `write_noisy_labels`."""
    text, lines, changed = label_file.read_text().splitlines(), [], {}
    height, width = size
    for label in read_labels(label_file):
        fields = text[label.line - 1].split()
        x1, y1, x2, y2 = label.box
        if noise == "loose":
            extent = np.array([x2 - x1, y2 - y1] * 2)
            moved = np.array([x1, y1, x2, y2]) + random.uniform(-LOOSE, LOOSE, 4) * extent
            fields[6:10] = [f"{value:.2f}" for value in moved.clip(0, [width, height, width, height])]
        elif changed.setdefault(label.track_id, random.random() < WRONG):
            fields[2] = KINDS.get(fields[2], fields[2])
        lines.append(" ".join(fields))
    return lines


def frame_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture."""
    from stc_pseudo.datasets.images import read_frame

    return read_frame(path).shape[:2]
