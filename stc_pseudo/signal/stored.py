"""Edge similarities as a store keeps them, or makes them again when they are read."""

from __future__ import annotations

import numpy as np

from stc_pseudo.settings import SimilaritySettings
from stc_pseudo.signal.normalisation import normalise_flow, normalise_inverse_depth
from stc_pseudo.signal.similarity import edge_similarity


def stored_similarity(
    name: str, inverse_depth: np.ndarray, flow: np.ndarray, size: tuple[int, int], settings: SimilaritySettings
) -> np.ndarray:
    """Edge similarities of some frames.

    Args:
        name: `similarity_depth` or `similarity_flow`.
        inverse_depth: (n, h, w), NaN where a whole map is unknown: nothing is dissimilar there.
        flow: (n, 2, h, w), pixels of the original frame, NaN likewise.
        size: (height, width) of the frame, which flow is measured against.
        settings: of the mini network.

    Returns:
        (n, 8, h, w) uint8, 255 times the similarity to the neighbour in each direction.
    """
    if name == "similarity_depth":
        values = np.nan_to_num(inverse_depth.astype(np.float32))
        maps = normalise_inverse_depth(values, settings.depth_gain)[:, None]
    else:
        maps = normalise_flow(np.nan_to_num(flow.astype(np.float32)), size, settings.flow_gain)
    similarity = edge_similarity(maps, settings.layers, settings.dilation, settings.factor)
    return np.rint(similarity * 255).astype(np.uint8)
