"""From pooled depth, flow and colour of some frames to the arrays of the store: a thin layer over the kernels."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

from stc_pseudo.datasets.base import FrameBoxes
from stc_pseudo.fusion import fuse
from stc_pseudo.normalisation import normalise_flow, normalise_inverse_depth
from stc_pseudo.puzzle import FrameMaps, solve
from stc_pseudo.settings import MaskSettings, SimilaritySettings
from stc_pseudo.similarity import edge_similarity, pool


def fill_holes(maps: np.ndarray) -> np.ndarray:
    """Give every unknown cell the value of the nearest known one; zero where a whole map is unknown.

    Args:
        maps: (n, [C,] h, w) float, NaN where unknown.

    Returns:
        the same shape, without NaN.
    """
    unknown = np.isnan(maps)
    if not unknown.any():
        return maps
    filled = np.nan_to_num(maps)
    for index in np.ndindex(maps.shape[:-2]):
        if unknown[index].any() and not unknown[index].all():
            rows, columns = ndimage.distance_transform_edt(unknown[index], return_distances=False, return_indices=True)
            filled[index] = maps[index][rows, columns]
    return filled


def similarity_arrays(inverse_depth: np.ndarray, flow: np.ndarray, size: tuple[int, int],
                      settings: SimilaritySettings) -> dict[str, np.ndarray]:
    """Edge similarities as the store keeps them.

    Args:
        inverse_depth: (n, h, w), without holes.
        flow: (n, 2, h, w), pixels of the original frame.
        size: (height, width) of the frame, which flow is measured against.
        settings: of the mini network.
    """
    depth = normalise_inverse_depth(torch.from_numpy(inverse_depth.astype(np.float32)))[:, None]
    motion = normalise_flow(torch.from_numpy(flow.astype(np.float32)), size)
    return {name: (edge_similarity(maps, settings.layers, settings.dilation, settings.factor) * 255).round()
            .to(torch.uint8).numpy() for name, maps in (("similarity_depth", depth), ("similarity_flow", motion))}


def mask_arrays(arrays: dict[str, np.ndarray], frames: np.ndarray, boxes: list[FrameBoxes],
                settings: MaskSettings) -> dict[str, np.ndarray]:
    """Fused mask and puzzle pieces as the store keeps them.

    Args:
        arrays: inverse_depth, flow and both similarities of n frames, as the store keeps them.
        frames: (n, H, W, 3) uint8 RGB.
        boxes: of each frame.
        settings: of the fusion and the pieces.
    """
    mask, _ = fuse(arrays["similarity_depth"], arrays["similarity_flow"], settings)
    colours = pool(torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255).numpy()
    solved = [solve(FrameMaps(arrays["inverse_depth"][t].astype(np.float32), arrays["flow"][t].astype(np.float32),
                              colours[t]), boxes[t], settings) for t in range(len(frames))]
    return {"mask": mask, "instances": np.stack([s[0] for s in solved]), "coverage": np.stack([s[1] for s in solved])}
