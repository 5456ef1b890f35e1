"""Measure a training step beside MMDetection's: `python -m pipelines.cost.training`.

Three detectors of the same layers and weights see the same drawn pictures: ours with the puzzle loss, MMDetection's
CondInst with true masks, MMDetection's BoxInst with boxes. Steps are taken in turns, so that whatever else the machine
does meets all of them; the figures are ratios of medians.

- Step: from the loaded batch to the updated weights.
- Loss: from the loaded batch to the gradient on given mask logits, without the network: what BoxInst does to find its
  colour edges is in there, and what we do with the maps that the store holds.
- Memory: the most that a step holds at once beyond what was there before.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable
from typing import Any

import click

from pipelines.baselines.mmdetection import mmdetection_model
from stc_track.io.console import Command

KINDS = ("ours", "condinst", "boxinst")


def drawn_batch(count: int, objects: int, size: tuple[int, int], seed: int) -> tuple[list[Any], dict[str, list[Any]]]:
    """Pictures of ellipses on noise, and each detector's samples for them.

    Args:
        count: pictures.
        objects: in each.
        size: (height, width), multiples of 4.
        seed: of everything.

    Returns:
        (3, H, W) uint8 pictures, and by kind the samples.
    """
    import numpy as np
    import torch
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks
    from mmengine.structures import InstanceData

    random, (height, width) = np.random.default_rng(seed), size
    y, x = np.mgrid[:height, :width]
    pictures, samples = [], {kind: [] for kind in KINDS}
    for _ in range(count):
        picture, masks, boxes = random.integers(90, 110, (height, width, 3)), [], []
        for _ in range(objects):
            extent = np.array([width, height]) * random.uniform(0.06, 0.4, 2)
            centre = extent / 2 + random.uniform(0, 1, 2) * (np.array([width, height]) - extent)
            mask = ((x + 0.5 - centre[0]) / extent[0] * 2) ** 2 + ((y + 0.5 - centre[1]) / extent[1] * 2) ** 2 < 1
            picture[mask] = random.integers(0, 256, 3)
            masks.append(mask)
            boxes.append([*(centre - extent / 2), *(centre + extent / 2)])
        masks = np.stack(masks)
        pieces = masks.reshape(objects, height // 4, 4, width // 4, 4).mean((2, 4)) * 255
        centers = [[x[mask].mean() + 0.5, y[mask].mean() + 0.5] for mask in masks]
        pictures.append(torch.from_numpy(picture.astype(np.uint8)).permute(2, 0, 1).contiguous())
        common = {
            "bboxes": torch.tensor(np.array(boxes), dtype=torch.float32),
            "labels": torch.from_numpy(random.integers(0, 2, objects)),
        }
        masks_of = {
            "ours": {
                "pieces": torch.from_numpy(pieces.astype(np.uint8)),
                "centers": torch.tensor(np.array(centers), dtype=torch.float32),
            },
            "condinst": {"masks": BitmapMasks(masks.astype(np.uint8), height, width)},
            "boxinst": {},
        }
        for kind in KINDS:
            sample = DetDataSample(metainfo={"img_shape": size, "ori_shape": size, "scale_factor": (1.0, 1.0)})
            sample.gt_instances = InstanceData(**common, **masks_of[kind])
            sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4))
            samples[kind].append(sample)
        edges = torch.from_numpy(random.uniform(size=(8, height // 4, width // 4)) < 0.7)
        samples["ours"][-1].set_data({"edges": edges})
    return pictures, samples


def steps(
    config: str, pictures: list[Any], samples: dict[str, list[Any]], device: str, seed: int
) -> tuple[dict[str, Callable[[], None]], dict[str, Callable[[], None]]]:
    """Build the three detectors.

    Returns:
        by kind, a function that takes one training step; and for `ours` and `boxinst` one that computes the loss.
    """
    import torch
    from mmengine.config import ConfigDict
    from mmengine.logging import MessageHub

    from stc_train.engine.train import load_config
    from stc_train.registry import register_mmdetection

    models = register_mmdetection()
    MessageHub.get_current_instance().update_info("iter", 100_000)  # BoxInst's pairwise term at its full weight
    ours = load_config(config).model.to_dict()
    ours["backbone"]["init_cfg"] = None
    described = {"ours": ours, **{kind: mmdetection_model(ours, kind) for kind in KINDS[1:]}}
    torch.manual_seed(seed)
    networks = {kind: models.build(ConfigDict(model)).to(device).train() for kind, model in described.items()}
    for kind in KINDS[1:]:
        networks[kind].load_state_dict(networks["ours"].state_dict())

    def batch(kind: str) -> dict[str, Any]:
        # MMDetection's preprocessors write into the samples.
        return {"inputs": list(pictures), "data_samples": copy.deepcopy(samples[kind])}

    def step(kind: str) -> Callable[[], None]:
        network, loaded = networks[kind], [batch(kind)]
        optimizer = torch.optim.SGD(network.parameters(), lr=1e-6, momentum=0.9)

        def take() -> None:
            data = network.data_preprocessor(loaded.pop(), training=True)
            loss, _ = network.parse_losses(network(**data, mode="loss"))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        take.prepare = lambda: loaded.append(batch(kind))
        return take

    with torch.no_grad():
        data = networks["ours"].data_preprocessor(batch("ours"), training=True)
        features = networks["ours"].extract_feat(data["inputs"])
        networks["ours"].bbox_head.loss(features, data["data_samples"])
        infos = networks["ours"].bbox_head.get_positive_infos()
        head = networks["ours"].mask_head
        chosen = [info[head._select(info)] for info in infos]
        every, selected = (head(features, of_images)[0] for of_images in (infos, chosen))

    def loss(kind: str) -> Callable[[], None]:
        network, loaded = networks[kind], [batch(kind)]
        logits = [level.clone().requires_grad_() for level in (selected if kind == "ours" else every)]

        def take() -> None:
            samples = network.data_preprocessor(loaded.pop(), training=True)["data_samples"]
            if kind == "ours":
                losses = head.loss_of_logits(torch.cat(logits), samples, chosen)
            else:
                losses = network.mask_head.loss_by_feat(
                    logits, [sample.gt_instances for sample in samples], [sample.metainfo for sample in samples], infos
                )
            sum(value for name, value in losses.items() if "loss" in name).backward()

        take.prepare = lambda: loaded.append(batch(kind))
        take.masks = sum(map(len, logits))
        return take

    return {kind: step(kind) for kind in KINDS}, {kind: loss(kind) for kind in ("ours", "boxinst")}


def timed(take: Callable[[], None], device: str) -> float:
    """Seconds that one call takes."""
    import torch

    def wait() -> None:
        if device != "cpu":
            torch.cuda.synchronize(device)

    wait()
    started = time.perf_counter()
    take()
    wait()
    seconds = time.perf_counter() - started
    take.prepare()
    return seconds


def peak(take: Callable[[], None], device: str) -> float:
    """MiB of tensors that one call holds at once beyond what was there before."""
    import torch

    if device != "cpu":
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        take()
        torch.cuda.synchronize(device)
        most = torch.cuda.max_memory_allocated(device) - before
    else:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
            take()
        events = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
        allocated = most = 0
        for event in sorted(events, key=lambda event: event.start_ns()):
            allocated += event.nbytes()
            most = max(most, allocated)
    take.prepare()
    return most / 2**20


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--config", default="condinst_r18_demo", help="Of our CondInst.")
@click.option("--height", default=160, help="Of the pictures, a multiple of 32.")
@click.option("--width", default=544, help="Likewise.")
@click.option("--batch-size", default=2)
@click.option("--objects", default=8, help="In each picture.")
@click.option("--repetitions", default=15, help="Of each step, after one that does not count.")
@click.option("--seed", default=0)
@click.option("--device", default="cpu", help="cpu or cuda.")
def main(
    config: str, height: int, width: int, batch_size: int, objects: int, repetitions: int, seed: int, device: str
) -> None:
    """Print our step, loss and memory beside MMDetection's CondInst and BoxInst."""
    pictures, samples = drawn_batch(batch_size, objects, (height, width), seed)
    whole, losses = steps(config, pictures, samples, device, seed)
    takes = {("step", kind): take for kind, take in whole.items()} | {
        ("loss", kind): take for kind, take in losses.items()
    }
    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in takes}
    for take in takes.values():
        timed(take, device)
    for turn in range(repetitions):
        for key, take in list(takes.items())[:: 1 if turn % 2 else -1]:
            seconds[key].append(timed(take, device))
    memory = {key: peak(take, device) for key, take in takes.items()}
    median = {key: statistics.median(values) for key, values in seconds.items()}
    click.echo(
        f"{config}, {batch_size} pictures of {width}x{height} with {objects} objects each, "
        f"{takes['loss', 'ours'].masks} masks supervised of {takes['loss', 'boxinst'].masks} positives, {device}, "
        f"{repetitions} repetitions in turns"
    )
    for (what, kind), value in median.items():
        click.echo(f"  {what} {kind:<10}{1000 * value:9.1f} ms  {memory[what, kind]:9.1f} MiB")
    for what, other, bar in (
        ("step", "condinst", "at most 1.05"),
        ("step", "boxinst", ""),
        ("loss", "boxinst", "at most 0.333"),
    ):
        ours, theirs = (what, "ours"), (what, other)
        click.echo(
            f"{what} of ours / {other}'s: time {median[ours] / median[theirs]:.3f}"
            f"{f' (bar: {bar})' if bar else ''}, memory {memory[ours] / memory[theirs]:.3f}"
            f"{' (bar: at most 1)' if bar else ''}"
        )


if __name__ == "__main__":
    main()
