"""Pseudo-masks as COCO annotations, for any segmenter that trains on them (Table IX)."""

from __future__ import annotations

from typing import Any

from stc_pseudo.store.reader import StoreReader
from stc_track.io.progress import Bar
from stc_track.masks import rle


def coco_annotations(store: StoreReader, sequences: tuple[str, ...]) -> dict[str, Any]:
    """Return the store's pseudo-masks as one COCO dictionary.

    Images carry `file_name` as `{sequence}/{frame's file name}`, annotations `track_id` and compressed RLE. A box that
    no pseudo-mask was found for has no annotation.
    """
    images, annotations = [], []
    for name in Bar(sequences, desc="export", unit="sequence"):
        sequence = store.sequence(name)
        height, width = sequence.size
        for t, number in enumerate(sequence.numbers):
            images.append(
                {
                    "id": len(images) + 1,
                    "file_name": f"{name}/{sequence.frame_path(t).name}",
                    "height": height,
                    "width": width,
                    "sequence": name,
                    "frame": number,
                }
            )
            objects, boxes = sequence.read("objects", t), sequence.boxes_at(t)
            for k in range(len(boxes)):
                mask = objects == k + 1
                if not mask.any():
                    continue
                counts = rle.encode(mask)
                x1, y1, x2, y2 = rle.tight_box(counts, height, width).tolist()
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": images[-1]["id"],
                        "category_id": int(boxes.class_ids[k]),
                        "track_id": int(boxes.track_ids[k]),
                        "bbox": [x1, y1, x2 - x1, y2 - y1],
                        "area": int(mask.sum()),
                        "iscrowd": 0,
                        "segmentation": {"size": [height, width], "counts": counts.decode()},
                    }
                )
    categories = [{"id": number, "name": name} for number, name in sorted(store.class_names.items())]
    return {"images": images, "annotations": annotations, "categories": categories}
