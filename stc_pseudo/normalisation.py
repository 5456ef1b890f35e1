"""The scale at which depth and flow enter the mini network, so that its thresholds mean something (Eq. 1, Eq. 2)."""

from __future__ import annotations

from torch import Tensor

DEPTH_GAIN = 4.0
FLOW_GAIN = 400.0


def normalise_inverse_depth(inverse_depth: Tensor) -> Tensor:
    """Divide each frame's inverse depth by its median, times `DEPTH_GAIN`: any unit and scale gives the same.

    Args:
        inverse_depth: (n, h, w), at least 0.

    Returns:
        (n, h, w); all 0 where a frame's median is 0.
    """
    median = inverse_depth.flatten(1).median(1).values[:, None, None]
    return inverse_depth * DEPTH_GAIN / median.clamp(min=1e-6)


def normalise_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """Express flow as a share of the frame's width, times `FLOW_GAIN`: any resolution gives the same.

    Not by the frame's own motion: in a standing car's view that would blow up noise.

    Args:
        flow: (n, 2, h, w), pixels of the original frame.
        size: its (height, width).

    Returns:
        (n, 2, h, w).
    """
    return flow * (FLOW_GAIN / size[1])
