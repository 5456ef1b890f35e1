"""From pooled depth, flow and colour of some frames to the arrays of the store: a thin layer over the kernels."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from stc_pseudo.datasets.base import Calibration, FrameBoxes
from stc_pseudo.puzzle.assign import assign_pixels
from stc_pseudo.puzzle.candidates import rate
from stc_pseudo.puzzle.features import FrameMaps
from stc_pseudo.puzzle.solve import solve_frames
from stc_pseudo.puzzle.sub_regions import masks_in_boxes, regions_in_boxes
from stc_pseudo.settings import LabelSettings, MaskSettings
from stc_pseudo.signal.fusion import fuse
from stc_track.formats.store import CELL


def fill_holes(maps: np.ndarray) -> np.ndarray:
    """Give every unknown cell the value of the nearest known one.

    Args:
        maps: (n, [C,] h, w) float, NaN where unknown.

    Returns:
        the same shape, without NaN but where a whole map is unknown: no number would say that.
    """
    unknown = np.isnan(maps)
    if not unknown.any():
        return maps
    filled = maps.copy()
    for index in np.ndindex(maps.shape[:-2]):
        if unknown[index].any() and not unknown[index].all():
            rows, columns = ndimage.distance_transform_edt(unknown[index], return_distances=False, return_indices=True)
            filled[index] = maps[index][rows, columns]
    return filled


def mask_arrays(
    arrays: dict[str, np.ndarray],
    frames: np.ndarray,
    boxes: list[FrameBoxes],
    settings: LabelSettings,
    camera: Calibration | None = None,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Fuse the similarities and solve the puzzle: the mask arrays of the store.

    Args:
        arrays: depth, flow (fine ones too, where `settings.detail` asks for them) and both similarities of n frames,
            as the store keeps them.
        frames: (n, H, W, 3) uint8 RGB.
        boxes: of each frame.
        settings: of the fusion and the pieces.
        camera: of the sequence, where it is known.

    Returns:
        arrays of the store, and tables with a row a box: pixels of its mask and the mask's score.
    """
    mask, edges = fuse(
        arrays["similarity_depth"], arrays["similarity_flow"], settings.masks, settings.similarity.dilation
    )
    fine = "fine_" if settings.detail < CELL else ""
    depth_and_flow = (np.nan_to_num(arrays[f"{fine}{name}"].astype(np.float32)) for name in ("inverse_depth", "flow"))
    maps = [  # what is unknown on a whole frame separates nothing there
        FrameMaps(frame, depth, flow, settings.detail, camera)
        for frame, depth, flow in zip(frames, *depth_and_flow, strict=True)
    ]
    if settings.masks.labels == "walk":
        objects, scores = solve_frames(maps, boxes, settings.masks)
    else:
        printed = [printed_labels(*of_frame, settings.masks) for of_frame in zip(maps, boxes, mask, edges, strict=True)]
        objects, scores = np.stack([drawn for drawn, _ in printed]), [rated for _, rated in printed]
    pooled = [pool_objects(on_frame) for on_frame in objects]
    made = {
        "mask": mask,
        "objects": objects,
        "instances": np.stack([instances for instances, _ in pooled]),
        "coverage": np.stack([coverage for _, coverage in pooled]),
    }
    areas = [
        np.bincount(of_frame.ravel(), minlength=len(frame_boxes) + 1)[1:]
        for of_frame, frame_boxes in zip(objects, boxes, strict=True)
    ]
    return made, {"box_area": np.concatenate(areas), "box_score": np.concatenate(scores)}


def printed_labels(
    maps: FrameMaps, boxes: FrameBoxes, mask: np.ndarray, edges: np.ndarray, settings: MaskSettings
) -> tuple[np.ndarray, np.ndarray]:
    """The labels `mask` or `regions` of one frame; the score of one reading asks how far the other agrees.

    Args:
        maps: of the frame; only the score looks at them.
        boxes: of the frame.
        mask: (h, w) bool, M of Eq. 2.
        edges: (8, h, w) bool, the kept edges.
        settings: which labels.

    Returns:
        (H, W) uint16, 0 for none, k for the object of row k - 1, and (N,) float32 scores.
    """
    readings = [masks_in_boxes(mask, boxes.xyxy, maps.size), regions_in_boxes(edges, boxes.xyxy, maps.size)]
    chosen, other = readings if settings.labels == "mask" else readings[::-1]
    scores = [
        rate(maps, boxes, k, *pair, settings.likelihood) for k, pair in enumerate(zip(chosen, other, strict=True))
    ]
    return assign_pixels(chosen, maps.size), np.array(scores, np.float32)


def pool_objects(objects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Majority instance per cell, and the share of the cell that it covers.

    Args:
        objects: (H, W) uint16, 0 for none.

    Returns:
        instances (H // 4, W // 4) uint16, and coverage, uint8: share of the cell times 255.
    """
    height, width = objects.shape[0] // CELL, objects.shape[1] // CELL
    cells = objects[: height * CELL, : width * CELL].reshape(height, CELL, width, CELL).transpose(0, 2, 1, 3)
    cells = np.sort(cells.reshape(height, width, CELL * CELL), axis=2)
    # In a sorted cell, a value's count is the length of its run: the end of the longest run names the instance.
    run = np.cumsum(np.ones_like(cells, np.uint8), axis=2, dtype=np.uint8)
    start = np.where(np.diff(cells, axis=2, prepend=cells[..., :1]) != 0, run, 1)
    run = np.where(cells > 0, run - np.maximum.accumulate(start, axis=2) + 1, 0)
    longest = run.argmax(2)[..., None]
    count = np.take_along_axis(run, longest, 2)[..., 0].astype(np.int64)
    instances = np.where(count, np.take_along_axis(cells, longest, 2)[..., 0], 0).astype(objects.dtype)
    return instances, (count * 255 // (CELL * CELL)).astype(np.uint8)
