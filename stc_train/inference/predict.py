"""Instance masks of every frame of some videos, from RGB alone, in the public MOTS detection format."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from mmengine.dataset import Compose
from mmengine.structures import InstanceData

import stc_train.registry  # noqa: F401  (mmcv's operators and our scope)
from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.nn.precision import autocast
from stc_track.formats.mots import Detection, DetectionWriter
from stc_track.io.progress import Bar
from stc_track.masks import rle
from stc_train.models.condinst_dense import dense_outputs, detect, require_condinst, soft_masks
from stc_train.models.model_file import TrainedModel


def predict(
    model: TrainedModel,
    sequences: list[VideoSequence],
    out: Path,
    *,
    score_threshold: float = 0.05,
    max_detections: int | None = None,
    batch_size: int = 1,
    flip: bool = False,
    precision: str = "float32",
    device: str = "cpu",
) -> int:
    """Write `out/{sequence}.txt` for every sequence.

    Args:
        model: as `model_file.load` gives it.
        sequences: frames are read; boxes, if there are any, are not looked at.
        out: folder, created if need be.
        score_threshold: detections below it are left out.
        max_detections: of a frame, those of the highest scores; None for what the model was configured with.
        batch_size: frames at a time.
        flip: average with the detections on the mirror image (CondInst only).
        precision: what the network computes in where torch thinks it safe, a key of `nn.precision.PRECISIONS`.
        device: `cpu`, `cuda`, ...

    Returns:
        how many detections were written.

    Raises:
        InputError: a frame is missing or cannot be read, or `flip` and the model is no CondInst.
    """
    if flip:
        require_condinst(model.network, "flip")
    network = model.network.to(device)
    set_threshold(network, score_threshold)
    if max_detections is not None:
        set_max_detections(network, max_detections)
    prepare, total = Compose(model.pipeline), 0
    with Bar(total=sum(map(len, sequences)), desc="predict", unit="frame") as bar:
        for sequence in sequences:
            with DetectionWriter(out / f"{sequence.name}.txt") as writer:
                for numbers, samples in _batches(sequence, prepare, batch_size):
                    batch = {key: [sample[key] for sample in samples] for key in ("inputs", "data_samples")}
                    with torch.inference_mode(), autocast(device, precision):
                        results = (
                            predict_both_ways(network, batch)
                            if flip
                            else [result.pred_instances for result in network.test_step(batch)]
                        )
                    for number, result in zip(numbers, results, strict=True):
                        for detection in detections(number, result, model.class_numbers, score_threshold):
                            writer.write(detection)
                            total += 1
                    bar.update(len(numbers))
    return total


def set_max_detections(network: torch.nn.Module, most: int) -> None:
    """Set how many detections of a frame every part of an MMDetection detector that scores classes puts out at most."""
    for module in network.modules():
        config = getattr(module, "test_cfg", None)
        for part in (config, (config or {}).get("rcnn")):
            if part is not None and "score_thr" in part and "max_per_img" in part:  # a region proposal has no score_thr
                part["max_per_img"] = most


def set_threshold(network: torch.nn.Module, score: float) -> None:
    """Set the least score of a result in every part of an MMDetection detector that has one."""
    for module in network.modules():
        config = getattr(module, "test_cfg", None)
        for part in (config, (config or {}).get("rcnn")):
            if part is not None and "score_thr" in part:
                part["score_thr"] = score


def predict_both_ways(network: torch.nn.Module, batch: dict[str, Any]) -> list[InstanceData]:
    """Detections from each frame and its mirror image, averaged.

    Args:
        network: our CondInst, in evaluation mode.
        batch: MMDetection's, `inputs` and `data_samples`.

    Returns:
        `bboxes`, `scores`, `labels` and `masks` of each frame, at the frame's size.
    """
    data, head = network.data_preprocessor(batch), network.bbox_head
    dense, results = dense_outputs(network, data["inputs"], flip=True), []
    for image, sample in enumerate(data["data_samples"]):
        positions, labels, scores, boxes = detect(
            dense,
            image,
            sample.img_shape,
            score_threshold=head.test_cfg.score_thr,
            nms_iou=head.test_cfg.nms.iou_threshold,
            before_nms=head.test_cfg.nms_pre,
            most=head.test_cfg.max_per_img,
        )
        masks = network.mask_head.masks_of_frame(
            soft_masks(network, dense, image, positions), boxes, sample.metainfo, rescale=True
        )
        results.append(InstanceData(bboxes=boxes, scores=scores, labels=labels, masks=masks))
    return results


def _batches(sequence: VideoSequence, prepare: Compose, size: int) -> Iterator[tuple[list[int], list[dict[str, Any]]]]:
    """Frame numbers and prepared samples of `size` frames at a time; the next ones load while these are used."""
    height, width = sequence.size

    def load(positions: range) -> tuple[list[int], list[dict[str, Any]]]:
        return [sequence.numbers[t] for t in positions], [
            prepare(
                {
                    "img_path": str(sequence.frames[t]),
                    "img_id": f"{sequence.name}/{sequence.frames[t].stem}",
                    "height": height,
                    "width": width,
                }
            )
            for t in positions
        ]

    with ThreadPoolExecutor(1) as pool:
        coming = None
        for start in range(0, len(sequence), size):
            ready, coming = coming, pool.submit(load, range(start, min(start + size, len(sequence))))
            if ready is not None:
                yield ready.result()
        yield coming.result()


def detections(number: int, instances: Any, class_numbers: tuple[int, ...], threshold: float) -> Iterator[Detection]:
    """The detections of one frame: boxes within the frame, no empty masks.

    Args:
        number: the frame's.
        instances: MMDetection's `bboxes` (N, 4), `scores` (N,), `labels` (N,) and `masks` (N, H, W) of the frame.
        class_numbers: the data set's class number of each label.
        threshold: least score.
    """
    height, width = instances.masks.shape[1:]
    limit = instances.bboxes.new_tensor([width, height, width, height])
    boxes = instances.bboxes.clamp(min=0).minimum(limit)
    usable = (instances.scores >= threshold) & (boxes[:, 2:] > boxes[:, :2]).all(1) & instances.masks.flatten(1).any(1)
    kept, masks = (
        tensor.cpu().numpy()
        for tensor in (torch.cat([boxes, instances.scores[:, None]], 1)[usable], instances.masks[usable])
    )
    labels = instances.labels[usable].tolist()
    for (*box, score), label, mask in zip(kept.tolist(), labels, masks, strict=True):
        yield Detection(number, tuple(box), score, class_numbers[label], height, width, rle.encode(mask))
