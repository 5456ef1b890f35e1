"""A training of the crop network: losses, targets that follow colour edges, and when to stop."""

from __future__ import annotations

import copy
import logging
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from stc_pseudo.refine.colour_edges import mean_field
from stc_pseudo.refine.network import CropNetwork, side_distances
from stc_pseudo.refine.settings import RefineSettings
from stc_pseudo.refine.views import Views
from stc_track.io.progress import Bar

log = logging.getLogger(__name__)

SMALL_AREA = 450  # square pixels of the frame: boxes below have few pixels to be right about
MEASURE_EVERY = 40  # steps
GRADIENT_NORM = 5.0
# Share of a training before which nothing stops it: the masks are blobs, which fill their boxes well, then the learning
# rate is high and the edges of colour have just begun to count.
JUDGED_FROM = 0.75
STOP_LOSS = 0.01  # of the boxes' IoU beside the best, that counts as a fall


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training gives: the network and the running average of its weights, both in evaluation mode."""

    network: CropNetwork
    average: CropNetwork

    @torch.inference_mode()
    def probability(self, features: list[Tensor], side: Tensor) -> Tensor:
        """Mean of both networks' masks, (n, S, S) in 0..1."""
        return sum(torch.sigmoid(net(features, side)) for net in (self.network, self.average)) / 2


def train(
    views: Views,
    channels: tuple[int, ...],
    learn: Tensor,
    hold: Tensor,
    settings: RefineSettings,
    seed: int,
    device: str,
) -> Trained:
    """Train one network on the views' labels.

    Args:
        views: with labels.
        channels: of the encoder.
        learn, hold: boxes that are learnt from, and that tell when to stop.
        settings: of the training.
        seed: of its weights and batches.
        device: where it runs.
    """
    torch.manual_seed(seed)
    network = CropNetwork(channels).to(device)
    average = copy.deepcopy(network).requires_grad_(False).eval()
    decays = [p for p in network.parameters() if p.ndim > 1], [p for p in network.parameters() if p.ndim == 1]
    optimizer = torch.optim.AdamW(
        [{"params": decays[0], "weight_decay": settings.weight_decay}, {"params": decays[1], "weight_decay": 0.0}],
        settings.learning_rate,
    )
    steps = max(settings.min_steps, math.ceil(settings.epochs * len(learn) / settings.batch_size))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.learning_rate, total_steps=steps)
    area = torch.tensor([float((i.box[2] - i.box[0]) * (i.box[3] - i.box[1])) for i in views.instances])
    weight = torch.where(area < SMALL_AREA, settings.small_weight, 1.0)
    generator = torch.Generator().manual_seed(seed)
    best, best_step, kept = 0.0, 0, None
    with Bar(total=steps, desc="train", unit="step") as bar:
        for step in range(1, steps + 1):
            drawn = learn[torch.randint(len(learn), (settings.batch_size,), generator=generator)]
            index = drawn * views.per_box + torch.randint(views.per_box, drawn.shape, generator=generator)
            batch = views.batch(index, device)
            network.train()
            logits = network(batch["features"], batch["side"])
            target = batch["label"]
            if step > settings.mean_field_from * steps:
                target = edge_target(logits, average, batch)
            loss = (weight[drawn].to(device) * losses(logits, target, batch, settings.projection)).mean()
            if not torch.isfinite(loss):
                raise FloatingPointError(f"step {step}: the loss is {loss.item()}; lower the learning rate")
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                decay = min(settings.ema, step / (step + 10))
                for old, new in zip(average.parameters(), network.parameters(), strict=True):
                    old.lerp_(new, 1 - decay)
            bar.update()
            if len(hold) and (step % MEASURE_EVERY == 0 or step == steps):
                fit, agreement = box_fit(Trained(network.eval(), average), views, hold, device)
                bar.set_postfix(loss=f"{loss.item():.3f}", held_out_boxes=f"{fit:.4f}", labels=f"{agreement:.4f}")
                if step < JUDGED_FROM * steps:
                    continue
                if fit > best:
                    best, best_step = fit, step
                    kept = [copy.deepcopy(net.state_dict()) for net in (network, average)]
                elif fit < best - STOP_LOSS and step - best_step >= settings.patience * MEASURE_EVERY:
                    log.info(
                        "held-out boxes: IoU %.4f at step %d, %.4f at step %d: stopped", best, best_step, fit, step
                    )
                    network.load_state_dict(kept[0])
                    average.load_state_dict(kept[1])
                    break
    return Trained(network.eval(), average)


@torch.no_grad()
def edge_target(logits: Tensor, average: CropNetwork, batch: dict) -> Tensor:
    """Mean of network, running average and label, drawn to colour edges."""
    other = torch.sigmoid(average(batch["features"], batch["side"]))
    mean = (torch.sigmoid(logits) + other + batch["label"]) / 3
    return mean_field(mean, batch["lab"]).masked_fill(batch["hidden"], 0)


def losses(logits: Tensor, target: Tensor, batch: dict, projection: float) -> Tensor:
    """Loss of each crop, (n,).

    Args:
        logits: (n, S, S).
        target: (n, S, S) in 0..1.
        batch: as `Views.batch` gives it.
        projection: weight of the projections.
    """
    within = (side_distances(batch["box"], logits.shape[-1]).amin(1) > 0).float()
    # A pasted object may hide a side of the box: its projections say nothing.
    whole = ~batch["hidden"].flatten(1).any(1)
    believed = within * (credible((batch["label"] > 0.5) & (within > 0)) | ~whole[:, None, None])
    count = within.sum((1, 2)).clamp(min=1)
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    probability = torch.sigmoid(logits)
    total = (cross_entropy * believed).sum((1, 2)) / count
    total = total + dice((probability * believed).flatten(1), (target * believed).flatten(1))
    projections = ((probability * within).amax(axis) for axis in (1, 2))
    sides = sum(dice(own, within.amax(axis)) for axis, own in zip((1, 2), projections, strict=True)) / 2
    return total + projection * whole * sides


def credible(label: Tensor) -> Tensor:
    """Where a label can be believed: the rows and columns in which it has a pixel; everywhere of an empty one.

    A box is tight, so that each of its rows and columns holds a pixel of the object. Where the label has none it is
    wrong, and nothing tells at which pixels: the projections ask for one, and the other boxes' labels say which.

    Args:
        label: (n, S, S) bool, cut to the box.

    Returns:
        (n, S, S) bool.
    """
    rows, columns = label.any(2), label.any(1)
    return (rows[:, :, None] & columns[:, None]) | ~rows.any(1)[:, None, None]


def dice(p: Tensor, g: Tensor) -> Tensor:
    """One minus the Dice coefficient of (n, k) values, squared in the denominator as in Eq. 5: (n,)."""
    return 1 - 2 * (p * g).sum(1) / (p.square().sum(1) + g.square().sum(1)).clamp(min=1e-6)


def box_fit(trained: Trained, views: Views, hold: Tensor, device: str) -> tuple[float, float]:
    """Mean over held-out boxes of the IoU of the mask's tight box with the box, and of the mask with its label."""
    fits, agreements = [], []
    for part in hold.split(64):
        batch = views.batch(part * views.per_box, device)
        mask = trained.probability(batch["features"], batch["side"]) > 0.5
        label = batch["label"] > 0.5
        fits.append(projection_iou(mask, batch["box"]))
        agreements.append((mask & label).sum((1, 2)) / (mask | label).sum((1, 2)).clamp(min=1))
    return torch.cat(fits).mean().item(), torch.cat(agreements).mean().item()


def projection_iou(mask: Tensor, box: Tensor) -> Tensor:
    """IoU of the rectangle that a mask's rows and columns make with its box, (n,), 0 for an empty mask.

    Rows and columns are counted where the mask has a pixel, so that a speck far away is one row and one column.

    Args:
        mask: (n, S, S) bool, not cut to the box.
        box: (n, 4) x1 y1 x2 y2.
    """
    within = side_distances(box, mask.shape[-1]).amin(1) > 0
    ious = [
        (mask.any(axis) & within.any(axis)).sum(1) / (mask.any(axis) | within.any(axis)).sum(1).clamp(min=1)
        for axis in (1, 2)
    ]
    return ious[0] * ious[1]
