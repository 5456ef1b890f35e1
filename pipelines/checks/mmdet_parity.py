"""Our loss and CondInst beside MMDetection's, on the same numbers: `python -m pipelines.checks.mmdet_parity`.

Prints the largest absolute difference of everything that should be equal: the puzzle loss with colour similarity as
its only cue against BoxInst's loss, and our CondInst against MMDetection's with the same weights.
"""

from __future__ import annotations

import click

from pipelines.baselines.mmdetection import DICE, mmdetection_model
from stc_track.io.console import Command

BOXINST_HEAD = {
    "type": "BoxInstMaskHead",
    "num_layers": 3,
    "feat_channels": 16,
    "mask_out_stride": 4,
    "warmup_iters": 1,
    "mask_feature_head": {
        "in_channels": 8,
        "feat_channels": 8,
        "start_level": 0,
        "end_level": 2,
        "out_channels": 16,
        "mask_stride": 8,
        "norm_cfg": {"type": "BN"},
    },
    "loss_mask": DICE,
}


def boxinst_terms(seed: int = 2) -> tuple[dict[str, tuple[float, float]], float]:
    """MMDetection's BoxInst loss and ours on random logits of three objects on two pictures of random colours.

    Returns:
        MMDetection's and our value of the projection term and of the pairwise term; the share of edges that colour
        similarity keeps.
    """
    from stc_train.registry import register_mmdetection  # isort: skip  (mmcv's operators, before MMDetection)
    import numpy as np
    import torch
    from mmdet.models.data_preprocessors.data_preprocessor import BoxInstDataPreprocessor
    from mmdet.structures.mask import BitmapMasks
    from mmengine.logging import MessageHub
    from mmengine.structures import InstanceData

    from stc_train.models.puzzle_loss import PuzzleLoss

    generator = torch.Generator().manual_seed(seed)
    head = register_mmdetection().build(BOXINST_HEAD)
    MessageHub.get_current_instance().update_info("iter", 100)
    preprocessor = BoxInstDataPreprocessor(mask_stride=4, pairwise_size=3, pairwise_dilation=2)
    corners = [[(8, 12, 40, 50), (50, 0, 96, 64)], [(4, 4, 88, 60)]]  # x1 y1 x2 y2 of the boxes of two pictures
    predictions, instances, positives, edges = [], [], [], []
    for boxes in corners:
        colours = torch.nn.functional.interpolate(40 * torch.randn(1, 3, 4, 6, generator=generator), (16, 24))
        similarity = preprocessor.get_images_color_similarity(colours, torch.ones(16, 24))[0]
        edges.append(similarity >= 0.3)
        masks = np.zeros((len(boxes), 64, 96), np.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
            mask[y1:y2, x1:x2] = 1
        instances.append(
            InstanceData(
                bboxes=torch.tensor(boxes).float(),
                masks=BitmapMasks(masks, 64, 96),
                pairwise_masks=edges[-1].float()[None].repeat(len(masks), 1, 1, 1),
            )
        )
        assigned = torch.arange(len(masks)).repeat(3)
        predictions.append(3 * torch.randn(len(assigned), 16, 24, generator=generator))
        positives.append(
            InstanceData(
                pos_assigned_gt_inds=assigned,
                scores=torch.zeros(len(assigned), 2),
                centernesses=torch.zeros(len(assigned), 1),
            )
        )
    theirs = head.loss_by_feat(predictions, instances, [{}, {}], positives)
    cells = torch.cat(
        [
            torch.from_numpy(gt.masks.masks[:, 2::4, 2::4]).bool()[info.pos_assigned_gt_inds]
            for gt, info in zip(instances, positives, strict=True)
        ]
    )
    ours = PuzzleLoss("dice", "pairwise", dilation=2)(
        torch.cat(predictions),
        cells,
        0 * cells,
        torch.stack(edges),
        torch.cat([torch.full((len(masks),), k) for k, masks in enumerate(predictions)]),
    )
    terms = {
        "projection term": (theirs["loss_mask_project"].item(), ours.box.item()),
        "pairwise term": (theirs["loss_mask_pairwise"].item(), ours.boundary.item()),
    }
    return terms, float(ours.kept_edge_share)


def condinst_differences(
    config: str = "condinst_r18_demo", seed: int = 0, size: tuple[int, int] = (160, 224)
) -> dict[str, tuple[float, float]]:
    """Largest difference between our CondInst and MMDetection's, with the same random weights.

    Args:
        config: one of our configs.
        seed: of the weights and the two random pictures.
        size: (height, width) of the pictures, multiples of 32.

    Returns:
        for the training forward pass (the detection losses; filters and mask logits of the positives) and for the
        prediction (boxes, scores, filters of what is found; mask logits there): the largest absolute difference, and
        the largest absolute value.
    """
    from stc_train.registry import register_mmdetection  # isort: skip
    import torch
    from mmdet.structures import DetDataSample
    from mmengine.config import ConfigDict
    from mmengine.structures import InstanceData

    from stc_train.engine.train import load_config

    models = register_mmdetection()
    model = load_config(config).model.to_dict()
    torch.manual_seed(seed)
    ours = models.build(ConfigDict(model))
    for parameter in ours.parameters():
        if parameter.ndim > 1:  # large enough that something is found
            torch.nn.init.kaiming_normal_(parameter)
    ours.bbox_head.controller.weight.data *= 0.05  # three layers of such filters: logits of ordinary size
    theirs = models.build(ConfigDict(mmdetection_model(model, "condinst")))
    theirs.load_state_dict(ours.state_dict())
    height, width = size
    inputs, samples = torch.randn(2, 3, height, width), []
    for _ in range(2):
        corner = torch.rand(4, 2) * torch.tensor([width, height]) * 0.5
        extent = 16 + torch.rand(4, 2) * torch.tensor([width, height]) * 0.4
        samples.append(
            DetDataSample(
                metainfo={"img_shape": size, "ori_shape": size, "scale_factor": (1.0, 1.0), "batch_input_shape": size}
            )
        )
        samples[-1].gt_instances = InstanceData(
            bboxes=torch.cat([corner, corner + extent], 1), labels=torch.tensor([0, 1, 0, 1])
        )
        samples[-1].ignored_instances = InstanceData(bboxes=torch.zeros(0, 4))
    # No running statistics change, so that both see the same network.
    rows: dict[str, list[torch.Tensor]] = {}
    for network in (theirs, ours):
        network.eval()
        network.bbox_head.train()
        features = network.extract_feat(inputs)
        for name, value in network.bbox_head.loss(features, samples).items():
            rows.setdefault(f"training: {name}", []).append(value)
        positives = network.bbox_head.get_positive_infos()
        rows.setdefault("training: filters", []).append(torch.cat([info.param_preds for info in positives]))
        rows.setdefault("training: mask logits", []).append(
            torch.cat(network.mask_head(features, positives)[0]).detach()
        )
        network.bbox_head.eval()
        with torch.inference_mode():
            predictions = network.bbox_head.predict(features, samples)
            for name in ("bboxes", "scores", "param_preds"):
                rows.setdefault(f"prediction: {name}", []).append(
                    torch.cat([instances[name] for instances in predictions])
                )
            rows.setdefault("prediction: mask logits", []).append(
                torch.cat(network.mask_head(features, predictions)[0])
            )
    return {name: (float((a - b).detach().abs().max()), float(a.detach().abs().max())) for name, (a, b) in rows.items()}


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--config", default="condinst_r18_demo", help="Of our CondInst.")
@click.option("--seed", default=0, help="Of the random weights and pictures.")
def main(config: str, seed: int) -> None:
    """Print how far our loss and network are from MMDetection's."""
    terms, kept = boxinst_terms(seed)
    click.echo(f"BoxInst's loss, {kept:.1%} of the edges kept by colour:")
    for name, (theirs, ours) in terms.items():
        click.echo(f"  {name:<26}MMDetection {theirs:.7f}  ours {ours:.7f}  difference {abs(theirs - ours):.1e}")
    click.echo("CondInst:")
    for name, (difference, largest) in condinst_differences(config, seed).items():
        click.echo(f"  {name:<26}largest difference {difference:.1e} of values up to {largest:.3g}")


if __name__ == "__main__":
    main()
