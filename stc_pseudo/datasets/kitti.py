"""The KITTI MOTS layout.

ROOT/training/image_02/{sequence}/{frame}.png or .jpg   left frames
ROOT/training/image_03/{sequence}/...                   right frames, optional
ROOT/training/calib/{sequence}.txt                      P2 and P3, optional
ROOT/instances_txt/{sequence}.txt                       masks and ids (also under training/)
ROOT/training/label_02/{sequence}.txt                   boxes of the tracking benchmark
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from scipy import ndimage

from stc_pseudo.datasets.base import Calibration, FrameBoxes, FrameRange, VideoSequence
from stc_pseudo.datasets.boxes.rows import BoxRow, gather
from stc_pseudo.datasets.images import list_frames, read_frame, require_unique
from stc_track.formats.kitti_labels import read_labels
from stc_track.formats.mots import CLASS_NAMES, IGNORE_CLASS, MotsObject, read_mots
from stc_track.formats.track_ids import track_name
from stc_track.io.errors import InputError, require_file, require_folder
from stc_track.io.remote_path import AnyPath
from stc_track.io.text import plain_lines
from stc_track.io.values import real
from stc_track.masks import rle

# Every other kind of label_02 (Van, Truck, Cyclist, ..., DontCare) has no masks in KITTI MOTS: nothing is known there.
LABEL_CLASSES = {"Car": 1, "Pedestrian": 2}
LABELS_HINT = "`boxes=labels` takes boxes from label_02"
# The benchmark's split of its 21 training sequences (Voigtlaender et al., CVPR 2019): 12 to train on, 9 to validate.
MOTS_TRAINING = tuple(f"{k:04d}" for k in (0, 1, 3, 4, 5, 9, 11, 12, 15, 17, 19, 20))
MOTS_VALIDATION = tuple(f"{k:04d}" for k in (2, 6, 7, 8, 10, 13, 14, 16, 18))
CAMERAS = {b"P2": "left", b"P_rect_02": "left", b"P3": "right", b"P_rect_03": "right"}


def read_kitti(
    root: AnyPath,
    sequences: Iterable[str] | None = None,
    boxes: str | None = "instances",
    frame_range: FrameRange | None = None,
) -> list[VideoSequence]:
    """Read sequences of a data set in the KITTI MOTS layout; frames stay on disk.

    Args:
        root: the folder that holds `training/`.
        sequences: names, or None for every one that has frames.
        boxes: `instances` takes tight boxes around the masks of `instances_txt`; `labels` those of `label_02`; None
            reads frames only.
        frame_range: of the frames that count; boxes of others are left out. None for all.

    Raises:
        InputError: a folder or file is missing or malformed, or a sequence has no boxes.
    """
    images = require_folder(root / "training" / "image_02", "sequences of frames", "`root=` names the data set")
    available = sorted(path.name for path in images.iterdir() if path.is_dir())
    names = available if sequences is None else list(sequences)
    if not names:
        raise InputError(images, expected="folders of frames", found="none", hint="`root=` names the data set")
    for name in names:
        if name not in available:
            raise InputError(
                images, expected=f"sequence '{name}'", found=", ".join(available) or "none", hint="see `sequences=`"
            )
    videos = [read_sequence(root, name, boxes, frame_range) for name in names]
    others = {int(n) for video in videos for frame in video.boxes.values() for n in frame.class_ids} - set(CLASS_NAMES)
    class_names = CLASS_NAMES | {number: f"class {number}" for number in sorted(others)}
    return [replace(video, class_names=class_names) for video in videos]


def read_sequence(root: AnyPath, name: str, boxes: str | None, frame_range: FrameRange | None = None) -> VideoSequence:
    """Read one sequence of a data set in the KITTI MOTS layout; arguments as for `read_kitti`."""
    training = root / "training"
    frames = tuple(list_frames(training / "image_02" / name))
    numbers = tuple(frame_number(path) for path in frames)
    require_unique(numbers, frames[0].parent)
    size = read_frame(frames[0]).shape[:2]
    right_folder = training / "image_03" / name
    right = tuple(list_frames(right_folder)) if right_folder.is_dir() else ()
    if right and [path.stem for path in right] != [path.stem for path in frames]:
        raise InputError(
            right_folder,
            expected=f"the {len(frames)} frame names of image_02",
            found=f"{len(right)} frames of other names",
        )
    boxes_by_frame = {} if boxes is None else read_boxes(root, name, boxes, size, numbers, frame_range)
    calibration_file = training / "calib" / f"{name}.txt"
    video = VideoSequence(
        name=name,
        size=size,
        frames=frames,
        numbers=numbers,
        right=right,
        calibration=read_calibration(calibration_file) if calibration_file.is_file() else None,
        boxes=boxes_by_frame,
        class_names=CLASS_NAMES,
    ).within(frame_range)
    if boxes is not None and not any(len(frame) for frame in video.boxes.values()):
        raise InputError(
            instances_file(root, name) if boxes == "instances" else training / "label_02" / f"{name}.txt",
            expected="at least one box of a car or pedestrian" + (f" on frames {frame_range}" if frame_range else ""),
            found="none",
            hint="leave the sequence out with `sequences=`",
        )
    return video


def frame_number(path: AnyPath) -> int:
    """Return the number that a frame's file name is, or raise an InputError."""
    if not path.stem.isdecimal():
        raise InputError(path, expected="a frame named by its number, as 000042.png", found=f"'{path.stem}'")
    return int(path.stem)


def boxes_there(root: AnyPath) -> str:
    """Which boxes a data set has: `instances` where there are masks, or neither; `labels` where it has these alone."""
    has_masks = any((folder / "instances_txt").is_dir() for folder in (root, root / "training"))
    return "labels" if not has_masks and (root / "training" / "label_02").is_dir() else "instances"


def instances_file(root: AnyPath, name: str, hint: str = "") -> AnyPath:
    """Path of a sequence's true masks; `instances_txt` may lie beside `training` or in it."""
    for folder in (root / "instances_txt", root / "training" / "instances_txt"):
        if folder.is_dir():
            return folder / f"{name}.txt"
    raise InputError(root / "instances_txt", expected="a folder of masks in MOTS text", found="nothing", hint=hint)


def read_boxes(
    root: AnyPath,
    name: str,
    source: str,
    size: tuple[int, int],
    numbers: tuple[int, ...],
    frame_range: FrameRange | None = None,
) -> dict[int, FrameBoxes]:
    """Read a sequence's boxes by frame number, from `source` `instances` or `labels`; those of a range, if given.

    Raises:
        InputError: no file, a box outside its frame or of no area, a frame that is not there, a track twice on one.
    """
    rows = _instance_rows(root, name, size) if source == "instances" else _label_rows(root, name)
    rows = [row for row in rows if frame_range is None or row[0] in frame_range]
    positions, placed = {number: position for position, number in enumerate(numbers)}, []
    for frame, box, class_id, track, where in rows:
        if frame not in positions:
            gap = numbers[0] <= frame <= numbers[-1]
            raise InputError(
                where,
                expected=f"a frame of image_02, {numbers[0]} to {numbers[-1]}" + (" with gaps" if gap else ""),
                found=f"frame {frame}, of which there is no picture",
                hint="`frames_range=` takes a part of the sequence",
            )
        box, ignore = tuple(check_box(box, size, where).tolist()), class_id is None
        placed.append(BoxRow(positions[frame], box, class_id or IGNORE_CLASS, None if ignore else track, where, ignore))
    return gather(placed, size, numbers)


# Frame, box (4,) float32, class or None for an ignore region, track, and file and place for messages.
Row = tuple[int, np.ndarray, int | None, int, str]


def _instance_rows(root: AnyPath, name: str, size: tuple[int, int]) -> list[Row]:
    path = require_file(instances_file(root, name, LABELS_HINT), "masks in MOTS text", LABELS_HINT)
    rows: list[Row] = []
    for frame, objects in read_mots(path).items():
        for o in objects:
            where = f"{path}: frame {frame}, id {o.track_id}"
            if (o.height, o.width) != size:
                raise InputError(
                    where, expected=f"masks of the frames' {size[1]}x{size[0]} pixels", found=f"{o.width}x{o.height}"
                )
            if o.class_id == IGNORE_CLASS:
                rows += [(frame, box, None, o.track_id, where) for box in region_boxes(o)]
            else:
                rows.append((frame, rle.tight_box(o.counts, o.height, o.width), o.class_id, o.track_id, where))
    return rows


def _label_rows(root: AnyPath, name: str) -> list[Row]:
    path = root / "training" / "label_02" / f"{name}.txt"
    rows: list[Row] = []
    for label in read_labels(require_file(path, "KITTI tracking labels", "`boxes=instances` reads instances_txt")):
        class_id = LABEL_CLASSES.get(label.kind)
        track = track_name(class_id or 0, label.track_id)
        rows.append((label.frame, np.asarray(label.box, np.float32), class_id, track, f"{path}:{label.line}"))
    return rows


def region_boxes(region: MotsObject) -> list[np.ndarray]:
    """A box (4,) float32, x1 y1 x2 y2, around each connected part of an ignore region.

    KITTI MOTS has all of a frame's regions in one mask, which may lie at both ends of the frame: one box around
    everything would cover much that is known.
    """
    labels, _ = ndimage.label(rle.decode(region.counts, region.height, region.width), np.ones((3, 3)))
    return [
        np.array([columns.start, rows.start, columns.stop, rows.stop], np.float32)
        for rows, columns in ndimage.find_objects(labels)
    ]


def check_box(box: np.ndarray, size: tuple[int, int], where: str) -> np.ndarray:
    """Return `box` clipped to the frame, by at most its rounding at the border; an InputError beyond that.

    KITTI's own labels touch the border at exactly (width - 1, height - 1) and beyond by fractions of a pixel.
    """
    height, width = size
    x1, y1, x2, y2 = (float(v) for v in box)
    if not (x2 > x1 and y2 > y1):
        raise InputError(where, expected="a box of positive area (x1 < x2, y1 < y2)", found=f"{x1, y1, x2, y2}")
    if x1 < -1 or y1 < -1 or x2 > width + 1 or y2 > height + 1:
        raise InputError(where, expected=f"a box inside the {width}x{height} frame", found=f"{x1, y1, x2, y2}")
    return np.clip(np.asarray(box, np.float32), 0, [width, height, width, height]).astype(np.float32)


def read_calibration(path: AnyPath) -> Calibration:
    """Read the left colour camera and, where there is one, the baseline to the right one, from a KITTI calibration.

    Args:
        path: of the tracking and object benchmarks (P2, P3), or of the raw data (P_rect_02, P_rect_03).

    Raises:
        InputError: naming file and line: no such camera, not 12 finite numbers, or a focal length that is not positive.
    """
    matrices = {}
    for number, line in plain_lines(path, "a KITTI calibration, lines 'P2: ' and 12 numbers"):
        key, *fields = line.split()
        camera = CAMERAS.get(key.removesuffix(b":"))
        if camera is None:
            continue
        where = f"{path}:{number}"
        if len(fields) != 12:
            raise InputError(where, expected="12 numbers", found=str(len(fields)))
        matrices[camera] = np.array([real(field, "a number", where) for field in fields]).reshape(3, 4)
        if min(matrices[camera][0, 0], matrices[camera][1, 1]) <= 0:
            raise InputError(where, expected="positive focal lengths", found=f"{fields[0].decode()[:20]}")
    if "left" not in matrices:
        raise InputError(path, expected="a line P2: with 12 numbers", found="none")
    left, right = matrices["left"], matrices.get("right")
    # A projection's fourth column is -focal * x of its camera's centre.
    baseline = None if right is None else float((left[0, 3] - right[0, 3]) / left[0, 0])
    return Calibration(*(float(left[i, j]) for i, j in ((0, 0), (1, 1), (0, 2), (1, 2))), baseline)
