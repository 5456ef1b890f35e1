"""The synthetic video on disk, in KITTI MOTS's layout with exact depth and flow beside it.

ROOT/demo.json                                       the settings that ROOT was rendered with
ROOT/training/image_02/{sequence}/{frame}.png        left frames; image_03: right ones
ROOT/training/depth/{sequence}/{frame}.png           KITTI depth: uint16, metres * 256, 65535 for all beyond
ROOT/training/flow/{sequence}/{frame}.png            KITTI flow: uint16 R = 64 u + 2^15, G = 64 v + 2^15, B valid
ROOT/training/{calib,label_02,poses}/{sequence}.txt  KITTI tracking's calibration and labels, KITTI odometry's poses
ROOT/instances_txt/{sequence}.txt                    KITTI MOTS masks; its presence says the sequence is whole
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stc_pseudo.synthetic.body import CAR
from stc_pseudo.synthetic.camera import Camera, compose, inverse
from stc_pseudo.synthetic.layout import make_scene
from stc_pseudo.synthetic.rasteriser import Stage
from stc_pseudo.synthetic.render import Frame, ObjectBox, render_frame
from stc_pseudo.synthetic.scene import FRAME_RATE
from stc_track.io.errors import InputError

if TYPE_CHECKING:
    from stc_track.formats.mots import MotsObject

# Raised whenever the same settings give another picture, so that no data set mixes two renderers.
RENDERER = 6
MIN_PIXELS = 10
SETTINGS_FILE = "demo.json"


@dataclass(frozen=True)
class Settings:
    """What a rendered data set depends on: recorded in ROOT/demo.json."""

    seed: int
    frames: int
    height: int
    width: int
    stereo: bool
    renderer: int = RENDERER


def render_dataset(
    root: Path,
    *,
    sequences: int = 12,
    frames: int = 20,
    size: tuple[int, int] = (375, 1242),
    seed: int = 0,
    stereo: bool = True,
    workers: int = 1,
    progress: bool = True,
) -> Path:
    """Render synthetic driving video into `root`, in KITTI MOTS's layout (the module's docstring lists it).

    A sequence is written under another name and renamed when it is whole; a rerun renders only what is missing.

    Args:
        root: folder to write to; made if need be.
        sequences: how many; a larger number than before adds to what is there.
        frames: per sequence, at 10 a second.
        size: (height, width) in pixels; the field of view is KITTI's whatever the size.
        seed: sequence k is drawn from `numpy.random.default_rng((seed, k))`.
        stereo: render image_03 as well.
        workers: processes that render, a sequence each (1: this one). They are spawned, so a script that asks for more
            than one needs its `if __name__ == "__main__"`.
        progress: show a bar.

    Returns:
        `root`.

    Raises:
        InputError: a setting is out of range, or `root` holds a data set of other settings.
    """
    root = Path(root)
    for name, value in (
        ("sequences", sequences),
        ("frames", frames),
        ("workers", workers),
        ("height", size[0]),
        ("width", size[1]),
    ):
        least = 32 if name in ("height", "width") else 1
        if value < least:
            raise InputError(f"demo {name}", expected=f"at least {least}", found=str(value))
    settings = Settings(seed, frames, *size, stereo)
    _create_root(root, settings)
    wanted = [k for k in range(sequences) if not _complete(root, k, settings)]
    if wanted:
        from stc_track.io.progress import Bar

        with (
            Bar(total=len(wanted) * frames, unit="frame", desc="rendering", disable=not progress) as bar,
            closing(_render_all(root, wanted, settings, workers)) as done,
        ):
            for count in done:
                bar.update(count)
    return root


def _create_root(root: Path, settings: Settings) -> None:
    """Record the settings in `root`, or refuse if it holds other ones."""
    record, wanted = root / SETTINGS_FILE, asdict(settings)
    if not record.exists():
        if root.is_dir() and any(root.iterdir()):
            raise InputError(
                root,
                expected=f"an empty folder, or a rendered data set with its {SETTINGS_FILE}",
                found=f"other files and no {SETTINGS_FILE}",
                hint="name another folder",
            )
        root.mkdir(parents=True, exist_ok=True)
        part = record.with_suffix(".part")
        part.write_text(json.dumps(wanted, indent=1) + "\n")
        os.replace(part, record)
        return
    try:
        recorded = json.loads(record.read_text())
    except (ValueError, OSError) as error:
        raise InputError(
            record,
            expected="the settings of a rendered data set",
            found=f"unreadable JSON ({error})",
            hint="delete the folder or name another",
        ) from error
    if recorded != wanted:
        recorded = recorded if isinstance(recorded, dict) else {}
        names = [name for name in {**wanted, **recorded} if recorded.get(name) != wanted.get(name)]
        raise InputError(
            record,
            expected=", ".join(f"{name} {wanted.get(name)}" for name in names),
            found=", ".join(f"{name} {recorded.get(name)}" for name in names),
            hint=f"ask for the same {' and '.join(names)}, name another folder, or delete this one",
        )


def _outputs(root: Path, sequence: int, stereo: bool) -> tuple[list[Path], list[Path]]:
    """A sequence's folders of frames, and its text files; the last file is the one that says it is whole."""
    folders = ["image_02", *(["image_03"] if stereo else []), "depth", "flow"]
    files = [f"training/{kind}/{sequence:04d}.txt" for kind in ("calib", "label_02", "poses")]
    return (
        [root / "training" / folder / f"{sequence:04d}" for folder in folders],
        [root / file for file in (*files, f"instances_txt/{sequence:04d}.txt")],
    )


def _complete(root: Path, sequence: int, settings: Settings) -> bool:
    folders, files = _outputs(root, sequence, settings.stereo)
    names = [f"{frame:06d}.png" for frame in range(settings.frames)]
    return all(path.is_file() for path in (*files, *(folder / name for folder in folders for name in names)))


def _render_all(root: Path, sequences: list[int], settings: Settings, workers: int) -> Iterator[int]:
    """Render the sequences; yield how many frames came to be done."""
    if workers == 1:
        for sequence in sequences:
            yield from _render_sequence(root, sequence, settings)
        return
    with ProcessPoolExecutor(min(workers, len(sequences)), mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_render_whole, root, sequence, settings) for sequence in sequences]
        try:
            for job in as_completed(jobs):
                yield job.result()
        finally:
            for job in jobs:
                job.cancel()


def _render_whole(root: Path, sequence: int, settings: Settings) -> int:
    return sum(_render_sequence(root, sequence, settings))


def _render_sequence(root: Path, sequence: int, settings: Settings) -> Iterator[int]:
    """Render one sequence under a temporary name and put it in its place; yield 1 for each frame."""
    from stc_track.formats.mots import write_mots

    part = root / f".part-{sequence:04d}"
    shutil.rmtree(part, ignore_errors=True)
    folders, files = _outputs(part, sequence, settings.stereo)
    for path in (*folders, *(file.parent for file in files)):
        path.mkdir(parents=True, exist_ok=True)
    camera = Camera.for_size((settings.height, settings.width))
    stage = Stage(make_scene(settings.seed, sequence, settings.frames / FRAME_RATE))
    lines = {"calib": _calibration(camera), "label_02": [], "poses": []}
    masks: list[MotsObject] = []
    first = inverse(stage.scene.camera(0.0))
    for number in range(settings.frames):
        noise = np.random.default_rng((settings.seed, sequence, number))
        frame = render_frame(stage, camera, number, stereo=settings.stereo, noise=noise)
        _write_pictures(frame, {folder.parent.name: folder / f"{number:06d}.png" for folder in folders})
        shown = _masks(number, frame.instances)
        seen = {mask.track_id for mask in shown}
        masks += shown
        lines["label_02"] += [_label(number, box) for box in frame.objects if box.object_id in seen]
        lines["poses"].append(_numbers(compose(first, frame.pose)))
        yield 1
    for file in files[:-1]:
        file.write_text("".join(line + "\n" for line in lines[file.parent.name]))
    write_mots(files[-1], masks)
    final_folders, final_files = _outputs(root, sequence, settings.stereo)
    # The file that marks a whole sequence goes first and comes last.
    final_files[-1].unlink(missing_ok=True)
    for source, target in zip((*folders, *files), (*final_folders, *final_files), strict=True):
        if target.is_dir():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(source, target)
    shutil.rmtree(part)


def encode_depth(depth: np.ndarray) -> np.ndarray:
    """Depth (H, W) in metres, infinite in the sky, as KITTI's uint16, metres * 256.

    What is farther than the encoding reaches (about 256 m) becomes its farthest: 0 would say that it is not known.
    """
    return np.minimum(np.round(depth * 256.0), 65535).astype(np.uint16)


def _write_pictures(frame: Frame, paths: dict[str, Path]) -> None:
    import cv2

    from stc_pseudo.datasets.flow_maps import write_kitti_flow

    write_kitti_flow(paths["flow"], frame.flow)
    pictures = {"image_02": frame.image[..., ::-1], "depth": encode_depth(frame.depth)}
    if frame.right is not None:
        pictures["image_03"] = frame.right[..., ::-1]
    for kind, picture in pictures.items():
        if not cv2.imwrite(str(paths[kind]), np.ascontiguousarray(picture)):
            raise OSError(f"{paths[kind]}: could not be written")


def _masks(number: int, instances: np.ndarray) -> list[MotsObject]:
    """The masks of every object of at least MIN_PIXELS visible pixels."""
    from stc_track.formats.mots import MotsObject
    from stc_track.masks import rle

    ids, counts = np.unique(instances, return_counts=True)
    return [
        MotsObject(number, object_id, object_id // 1000, *instances.shape, rle.encode(instances == object_id))
        for object_id in ids[(ids > 0) & (counts >= MIN_PIXELS)].tolist()
    ]


def _label(number: int, box: ObjectBox) -> str:
    """A line of KITTI tracking's labels; the box's sides are continuous pixel coordinates."""
    class_id, track = divmod(box.object_id, 1000)
    kind = "Car" if class_id == CAR else "Pedestrian"
    truncated, occluded = np.searchsorted([0.1, 0.5], box.truncated), np.searchsorted([0.15, 0.55], box.hidden)
    observed = box.heading - np.arctan2(box.location[0], box.location[2])
    alpha = np.arctan2(np.sin(observed), np.cos(observed))
    numbers = (alpha, *box.box, *box.size, *box.location, box.heading)
    return f"{number} {track} {kind} {truncated} {occluded} " + " ".join(f"{value:.6f}" for value in numbers)


def _calibration(camera: Camera) -> list[str]:
    """KITTI tracking's calibration: left cameras P0, P2; right ones P1, P3; a laser at the left ones."""
    left = np.column_stack([camera.matrix(), np.zeros(3)])
    right = np.column_stack([camera.matrix(), [-camera.focal * camera.baseline, 0, 0]])
    laser = np.array([[0, -1.0, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0]])
    matrices = {
        "P0:": left,
        "P1:": right,
        "P2:": left,
        "P3:": right,
        "R_rect": np.eye(3),
        "Tr_velo_cam": laser,
        "Tr_imu_velo": np.eye(3, 4),
    }
    return [f"{name} {_numbers(matrix)}" for name, matrix in matrices.items()]


def _numbers(matrix: np.ndarray) -> str:
    return " ".join(f"{value:.9e}" for value in matrix.ravel())
