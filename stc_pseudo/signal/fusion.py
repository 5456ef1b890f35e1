"""Fusion of the spatial and the temporal signal by thresholds (III-B1, Eq. 2)."""

from __future__ import annotations

import numpy as np

from stc_pseudo.settings import MaskSettings
from stc_pseudo.signal.similarity import neighbour_in_frame, signal


def fuse(
    similarity_depth: np.ndarray, similarity_flow: np.ndarray, settings: MaskSettings, dilation: int
) -> tuple[np.ndarray, np.ndarray]:
    """Keep what is similar to its surroundings in depth and in flow.

    A cue that the settings leave out does not object.

    Args:
        similarity_depth, similarity_flow: (n, 8, h, w) uint8, edge similarity * 255.
        settings: thresholds and cues.
        dilation: of the mini network that made the similarities, cells.

    Returns:
        M: (n, h, w) bool, where both signals pass (Eq. 2).
        edges: (n, 8, h, w) bool, the edges within the frame of which both similarities pass.
    """
    mask = np.ones((len(similarity_depth), *similarity_depth.shape[2:]), bool)
    inside = neighbour_in_frame(similarity_depth.shape[2], similarity_depth.shape[3], dilation)
    edges = np.broadcast_to(inside, similarity_depth.shape).copy()
    for cue, similarity, threshold in (
        ("depth", similarity_depth, settings.threshold_depth),
        ("flow", similarity_flow, settings.threshold_flow),
    ):
        if cue in settings.cues:
            mask &= signal(similarity.astype(np.float32) / 255, dilation) >= threshold
            edges &= similarity >= threshold * 255
    return mask, edges
