"""Pictures of what each stage gives, as (H, W, 3) uint8 RGB at the frame's size."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable

import cv2
import numpy as np

from stc_pseudo.training.visualisation import colour_flow, colour_inverse_depth
from stc_track.formats.store import CELL


def track_colour(identity: int) -> tuple[int, int, int]:
    """Return a vivid RGB colour for a track or instance; neighbouring numbers get colours far apart."""
    hue = identity * 0.618033988749895 % 1.0  # the golden ratio spreads them over the circle
    return tuple(round(255 * v) for v in colorsys.hsv_to_rgb(hue, 0.85, 1.0))


def enlarge_map(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Enlarge a map's picture (h, w, 3) to a frame of (height, width); uncovered borders repeat the last cells."""
    large = cv2.resize(picture, None, fx=CELL, fy=CELL, interpolation=cv2.INTER_NEAREST)
    missing = (size[0] - large.shape[0], size[1] - large.shape[1])
    return np.pad(large, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")


def depth_picture(inverse_depth: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Near red, far blue; the colours end at the 2nd and 98th percentile of (h, w) inverse depth."""
    return enlarge_map(colour_inverse_depth(inverse_depth), size)


def flow_picture(flow: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Direction as hue, length as saturation up to the 98th percentile, of (2, h, w) flow."""
    return enlarge_map(colour_flow(flow), size)


def overlay(frame: np.ndarray, masks: Iterable[tuple[int, np.ndarray]]) -> np.ndarray:
    """Tint each (identity, (H, W) bool mask) over a copy of the frame, with an outline."""
    picture = frame.copy()
    for identity, mask in masks:
        colour = np.array(track_colour(identity))
        picture[mask] = (0.45 * picture[mask] + 0.55 * colour).astype(np.uint8)
        outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, outlines, -1, tuple(colour.tolist()), 1)
    return picture


def draw_boxes(picture: np.ndarray, boxes: Iterable[tuple[int, np.ndarray]], labels: bool = False) -> np.ndarray:
    """Draw each (identity, x1 y1 x2 y2) on a copy of the picture; with `labels`, its identity too."""
    picture = picture.copy()
    for identity, box in boxes:
        x1, y1, x2, y2 = (round(float(v)) for v in box)
        cv2.rectangle(picture, (x1, y1), (x2 - 1, y2 - 1), track_colour(identity), 2)
        if labels:
            cv2.putText(
                picture,
                str(identity),
                (x1, max(y1 - 4, 12)),
                cv2.FONT_HERSHEY_SIMPLEX,
                0.5,
                track_colour(identity),
                1,
                cv2.LINE_AA,
            )
    return picture
