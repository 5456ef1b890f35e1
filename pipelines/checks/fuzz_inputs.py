"""What else is corrupted beside the tracker's files: boxes, data sets, configs and models, and the readers they meet.

Each reader is a small command, so that what it raises is told as a command tells it.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

from pipelines.checks.corruptions import corrupt, corrupt_tree
from stc_pseudo.datasets.base import VideoSequence
from stc_track.formats.mots import MotsObject, write_mots
from stc_track.masks import rle

SIZE = HEIGHT, WIDTH = 12, 17
FRAMES = 5
NAMES = tuple(f"{t:06d}.png" for t in range(FRAMES))


def _video(*, from_file: bool = False, name: str = "clip") -> VideoSequence:
    frames = tuple(Path(name) / name_of_frame for name_of_frame in NAMES)
    return VideoSequence(name, SIZE, frames, tuple(range(FRAMES)), from_file=from_file)


def reader(read: Callable[..., None]) -> click.Command:
    """Make a function of the folder with the files a command."""
    return click.command()(click.argument("folder", type=click.Path(path_type=Path))(read))


@reader
def read_boxes(folder: Path) -> None:
    """Read a file of boxes for a video of pictures, for a video file, and for a part of one."""
    from stc_pseudo.datasets.base import FrameRange
    from stc_pseudo.datasets.boxes.source import BoxSource, with_boxes

    (path,) = (folder / "in").iterdir()
    # all are read, whatever the one before said; where none is taken, the last one's error is told
    errors = []
    for source in (
        BoxSource(path),
        BoxSource(path, video_name="yard", first_frame=1, frame_step=2),
        BoxSource(path, frame_range=FrameRange(1, 3)),
    ):
        for video in (_video(), _video(from_file=True)):
            try:
                with_boxes([video], source)
            except click.ClickException as error:
                errors.append(error)
    if len(errors) == 6:
        raise errors[-1]


@reader
def read_ytvis(folder: Path) -> None:
    """Read a data set in YouTube-VIS's layout."""
    from stc_pseudo.datasets.base import FrameRange
    from stc_pseudo.datasets.youtube_vis import read_youtube_vis

    read_youtube_vis(folder / "in")
    read_youtube_vis(folder / "in", frame_range=FrameRange(1, 3))


@reader
@click.option("--boxes", default="labels")
def read_kitti(folder: Path, boxes: str) -> None:
    """Read a data set in KITTI's layout."""
    from stc_pseudo.datasets.kitti import read_kitti as read

    read(folder / "in", boxes=boxes)


@reader
def read_config(folder: Path) -> None:
    """Load a training's config, and look at what a store would be written into."""
    from stc_train.engine.adapt_config import adapt
    from stc_train.engine.config_file import load_config, shaped

    (path,) = (folder / "in").iterdir()
    config = load_config(str(path))
    with shaped(config):
        adapt(config)


@reader
def read_model(folder: Path) -> None:
    """Load a trained model; what is in it must not run."""
    from stc_train.models import model_file

    (path,) = (folder / "in").iterdir()
    try:
        model_file.load(path, "CHECKPOINT")
    finally:
        if MARK.exists():
            MARK.unlink()
            raise AssertionError("code of the file ran")


MARK = Path("/tmp/stc_fuzz_code_ran")
_FOREIGN = (
    *(
        "builtins.exec",
        "os.system",
        "subprocess.run",
        "mmengine.load",
        "mmengine.Config.fromfile",
        "pathlib.Path.touch",
    ),
    *("mmdet.DetectoRS_ResNet", "torch.load", "torch.hub.load", "Runner", "CondInst", "ResNet", "mmdet.CocoDataset"),
)


# --- Good input ----------------------------------------------------------------------------------------------------


def _one(folder: Path, name: str, content: str) -> list[Path]:
    (folder / "in").mkdir()
    (folder / "in" / name).write_text(content, encoding="utf-8")
    return [folder / "in" / name]


def coco_boxes(folder: Path) -> list[Path]:
    """Boxes of two videos in COCO's JSON."""
    names = [*(f"clip/{frame}" for frame in NAMES), *(f"yard/{frame}" for frame in NAMES)]
    images = [
        {"id": k, "file_name": name, "height": HEIGHT, "width": WIDTH, "frame_id": k % FRAMES, "video_id": k // FRAMES}
        for k, name in enumerate(names)
    ]
    boxes = [
        {"id": k, "image_id": k, "category_id": 1 + k % 2, "bbox": [1 + k, 2, 5.5, 4], "track_id": k % 2, "iscrowd": 0,
         "score": 0.5}
        for k in range(len(names))
    ]  # fmt: skip
    videos = [{"id": 0, "name": "clip"}, {"id": 1, "name": "yard"}]
    categories = [{"id": 1, "name": "car"}, {"id": 2, "name": "dog"}]
    content = {"images": images, "annotations": boxes, "categories": categories, "videos": videos}
    return _one(folder, "boxes.json", json.dumps(content))


def mot_boxes(folder: Path) -> list[Path]:
    """Boxes in MOT-Challenge's text."""
    rows = [f"{t},{k},{t + k},2,5,4.5,1,{1 + 2 * k},0.9\n" for t in range(1, FRAMES + 1) for k in (0, 1)]
    return _one(folder, "boxes.txt", "".join(rows))


def _cvat_box(frame: int, outside: int, x: int) -> str:
    return (
        f'<box frame="{frame}" outside="{outside}" keyframe="1" occluded="0" xtl="{x}" ytl="2.00" xbr="{x + 5}" '
        f'ybr="7.50" rotation="0" z_order="0"></box>'
    )


def _cvat_task(number: int, name: str) -> str:
    return (
        f"<task><id>{number}</id><name>{name}</name><size>{FRAMES}</size><subset>a</subset><start_frame>0</start_frame>"
        f"<stop_frame>{FRAMES - 1}</stop_frame><frame_filter>step=1</frame_filter><source>{name}.mp4</source>"
        f"<original_size><width>{WIDTH}</width><height>{HEIGHT}</height></original_size></task>"
    )


def cvat_boxes(folder: Path) -> list[Path]:
    """Tracks and pictures of a project of two tasks in CVAT's XML."""
    meta = (
        "<meta><project><labels><label><name>car</name></label></labels><tasks>"
        f"{_cvat_task(1, 'clip')}{_cvat_task(2, 'yard')}</tasks></project></meta>"
    )
    track = f"{_cvat_box(0, 0, 1)}{_cvat_box(2, 0, 5)}{_cvat_box(FRAMES, 1, 5)}"
    image = _cvat_box(0, 0, 1).replace('frame="0"', 'label="car"')
    body = "".join(
        f'<track id="{k}" label="car" task_id="{k}" subset="a">{track}</track>'
        f'<image id="{k}" name="{name}/000003.png" task_id="{k}" width="{WIDTH}" height="{HEIGHT}">{image}</image>'
        for k, name in ((1, "clip"), (2, "yard"))
    )
    head = '<?xml version="1.0" encoding="utf-8"?>\n'
    return _one(folder, "boxes.xml", f"{head}<annotations><version>1.1</version>{meta}{body}</annotations>")


def _masks() -> Iterator[MotsObject]:
    for t in range(FRAMES):
        mask = np.zeros(SIZE, bool)
        mask[2:8, t + 1 : t + 6] = True
        yield MotsObject(t, 1001, 1, *SIZE, rle.encode(mask))


def _pictures(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in NAMES:
        Image.fromarray(np.full((*SIZE, 3), 90, np.uint8)).save(folder / name)


def ytvis(folder: Path) -> list[Path]:
    """A data set in YouTube-VIS's layout, boxes of one object given and of one not."""
    _pictures(folder / "in" / "JPEGImages" / "clip")
    masks = [{"size": list(SIZE), "counts": mask.counts.decode()} for mask in _masks()]
    video = {"id": 1, "height": HEIGHT, "width": WIDTH, "length": FRAMES, "file_names": [f"clip/{n}" for n in NAMES]}
    content = {
        "videos": [video],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [
            {"id": 1, "video_id": 1, "category_id": 1, "iscrowd": 0, "segmentations": masks, "bboxes": [None] * FRAMES},
            {"id": 2, "video_id": 1, "category_id": 1, "iscrowd": 0, "bboxes": [[1, 2, 3, 4]] * FRAMES},
        ],
    }
    (folder / "in" / "instances.json").write_text(json.dumps(content))
    return [folder / "in" / "instances.json"]


def kitti(folder: Path) -> list[Path]:
    """A data set in KITTI's layout, with calibration, labels and masks."""
    training = folder / "in" / "training"
    _pictures(training / "image_02" / "0000")
    for name in ("calib", "label_02"):
        (training / name).mkdir()
    calibration = "".join(f"P{k}: 721.5 0.0 48.0 {-44.8 * k:e} 0 721.5 32 0.2 0 0 1 0.003\n" for k in range(4))
    (training / "calib" / "0000.txt").write_text(calibration + "R_rect 1 0 0 0 1 0 0 0 1\n\n")
    labels = "".join(
        f"{t} 0 Car 0 0 -1.57 {t + 1} 2 {t + 6} 8.5 1.5 1.6 3.9 -2 1.7 13 -1.6\n{t} -1 DontCare -1 -1 -10 9 1 12 3 "
        "-1 -1 -1 -1000 -1000 -1000 -10\n"
        for t in range(FRAMES)
    )
    (training / "label_02" / "0000.txt").write_text(labels)
    write_mots(folder / "in" / "instances_txt" / "0000.txt", _masks())
    return [training / "calib" / "0000.txt", training / "label_02" / "0000.txt", folder / "in/instances_txt/0000.txt"]


def config(folder: Path) -> list[Path]:
    """A config of somebody's own, that names a shipped one."""
    from stc_train.engine.train import CONFIGS

    text = f"_base_ = ['{CONFIGS / 'condinst_r18_demo.py'}']\nmodel = dict(backbone=dict(depth=18))\nnumber = 3\n"
    return _one(folder, "own.py", text)


def model(folder: Path) -> list[Path]:
    """A small trained model."""
    from mmengine.config import Config

    from stc_train.engine.train import CONFIGS
    from stc_train.models import model_file
    from stc_train.registry import register_mmdetection

    described = Config.fromfile(CONFIGS / "condinst_r18_demo.py")
    network = register_mmdetection().build(described.model)
    (folder / "in").mkdir()
    model_file.save(folder / "in" / "model.pth", network, described, {1: "car"}, "0" * 16, 1)
    return [folder / "in" / "model.pth"]


def corrupt_model(content: bytes, draw: random.Random) -> bytes:
    """Another value in what a checkpoint describes, names of foreign code among them; or other bytes."""
    import torch

    if draw.random() < 0.2:
        return corrupt(content, draw)
    tree = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    described: Any = {key: value for key, value in tree.items() if key != "state"}
    for _ in range(draw.choice((1, 1, 2))):
        described = corrupt_tree(described, draw, _foreign(draw))
    out = io.BytesIO()
    torch.save(described | {"state": tree["state"]}, out)
    return out.getvalue()


def _foreign(draw: random.Random) -> tuple[Any, ...]:
    name = draw.choice(_FOREIGN)
    return (name, {"type": name, "file": str(MARK), "cmd": f"touch {MARK}", "args": f"touch {MARK}"})


Files = Callable[[Path], list[Path]]
# Name, good input, reader with its further arguments, and what corrupts it.
READERS: list[tuple[str, Files, click.Command, tuple[str, ...], Callable[[bytes, random.Random], bytes]]] = [
    ("boxes in COCO", coco_boxes, read_boxes, (), corrupt),
    ("boxes in MOT", mot_boxes, read_boxes, (), corrupt),
    ("boxes in CVAT", cvat_boxes, read_boxes, (), corrupt),
    ("YouTube-VIS data set", ytvis, read_ytvis, (), corrupt),
    ("KITTI data set, labels", kitti, read_kitti, (), corrupt),
    ("KITTI data set, masks", kitti, read_kitti, ("--boxes", "instances"), corrupt),
    ("config", config, read_config, (), corrupt),
    ("model.pth", model, read_model, (), corrupt_model),
]
