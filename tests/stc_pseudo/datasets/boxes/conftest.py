"""A video of drawn frames without boxes, and files of boxes for it."""

import json
from pathlib import Path

import pytest

from stc_pseudo.datasets.base import VideoSequence
from stc_pseudo.datasets.boxes.source import BoxSource, with_boxes

SIZE, T = (60, 100), 10


def video(name="clip", from_file=False):
    return VideoSequence(
        name, SIZE, tuple(Path(f"{name}/{t:06d}.jpg") for t in range(T)), tuple(range(T)), from_file=from_file
    )


def read(path, content, *videos, **source):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    found = with_boxes(list(videos) or [video()], BoxSource(path, **source))
    return found[0] if len(videos) < 2 else found


def table(sequence):
    """Every box as (frame, class's name, track, x1, y1, x2, y2), every ignore region as (frame, x1, y1, x2, y2)."""
    objects = [
        (number, sequence.class_names[int(c)], int(k), *map(float, box))
        for number, boxes in sequence.boxes.items()
        for box, c, k in zip(boxes.xyxy, boxes.class_ids, boxes.track_ids, strict=True)
    ]
    return objects, [(number, *map(float, box)) for number, boxes in sequence.boxes.items() for box in boxes.ignore]


@pytest.fixture
def coco():
    return {
        "images": [
            {"id": 11, "file_name": "000003.jpg", "width": 100, "height": 60},
            {"id": 12, "file_name": "000004.jpg"},
        ],
        "categories": [{"id": 0, "name": "cat"}, {"id": 17, "name": "dog"}],
        "annotations": [
            {"id": 1, "image_id": 11, "category_id": 0, "bbox": [1.5, 2, 10, 20], "track_id": 5, "iscrowd": 0},
            {"id": 2, "image_id": 11, "category_id": 17, "bbox": [30, 2, 10, 20], "attributes": {"track_id": 9}},
            {"id": 3, "image_id": 12, "category_id": 17, "bbox": [50, 2, 10, 20], "iscrowd": 1, "score": 0.1},
            {"id": 4, "image_id": 12, "category_id": 17, "bbox": [31, 2, 10, 20], "instance_id": 9, "score": 0.6},
            {"id": 5, "image_id": 12, "category_id": 17, "bbox": [60, 2, 10, 20], "score": 0.4},
        ],
    }


def cvat(body, labels=("car", "dog"), size=(100, 60)):
    listed = "".join(f"<label><name>{name}</name><attributes></attributes></label>" for name in labels)
    return (
        f"<?xml version='1.0' encoding='utf-8'?>\n<annotations><version>1.1</version><meta><task><labels>{listed}"
        f"</labels><original_size><width>{size[0]}</width><height>{size[1]}</height></original_size></task></meta>"
        f"{body}</annotations>"
    )


def box(frame, x, outside=0, keyframe=1, **more):
    extra = "".join(f' {name}="{value}"' for name, value in more.items())
    return (
        f'<box frame="{frame}" keyframe="{keyframe}" outside="{outside}" occluded="0" xtl="{x}" ytl="10.00" '
        f'xbr="{x + 20}" ybr="30" z_order="0"{extra}><attribute name="a">b</attribute></box>'
    )
