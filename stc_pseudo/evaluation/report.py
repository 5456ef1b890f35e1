"""A store's quality report: figures of all instances, pictures of the worst, as one page that needs nothing else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np

from stc_pseudo.datasets.images import read_frame
from stc_pseudo.evaluation.against_truth import Agreement, agreements_of, rank_correlation
from stc_pseudo.evaluation.causes import CAUSES, cause_of, gradient, texture_of
from stc_pseudo.evaluation.quality import Instance, instances_of
from stc_pseudo.store.reader import SequenceReader, StoreReader
from stc_track.io.progress import Bar

WEAK = 0.5  # quality below which an instance counts as weak where no bar is given
SIZES = ((16, "under 16 px"), (32, "16 to 32 px"), (96, "32 to 96 px"), (np.inf, "96 px and more"))
PICTURE_SIDE = 220  # pixels of a picture's longer side
MARGIN = 0.25  # of the box's longer side, that a picture shows around it
JPEG_QUALITY = 82
TEMPLATE = "report.html"
PLACE_OF_DATA = "/*DATA*/"


@dataclass
class Report:
    """Every instance of a store, worst first.

    Attributes:
        store: its URL.
        class_names: class number to name.
        bar: quality below which an instance is weak.
        instances: worst first.
        causes: likely cause of each that is weak; empty of the others.
        agreements: with the truth, of each instance that has one, by position in `instances`.
        pictures: JPEGs of the first of them.
    """

    store: str
    class_names: dict[int, str]
    bar: float
    instances: list[Instance]
    causes: list[str]
    agreements: dict[int, Agreement] = field(default_factory=dict)
    pictures: list[bytes] = field(default_factory=list)

    @property
    def mean(self) -> float:
        """Mean quality; an instance without a mask counts as 0."""
        return float(np.mean([instance.quality for instance in self.instances]))

    def summary(self) -> dict[str, Any]:
        """JSON values: counts and mean quality of all, and by class, size and truncation; causes of the weak."""
        groups = {"all": {"all": range(len(self.instances))}}
        groups["class"] = self._split(
            lambda instance: self.class_names.get(instance.class_id, f"class {instance.class_id}")
        )
        by_size = self._split(lambda instance: next(name for side, name in SIZES if instance.side < side))
        groups["size"] = {name: by_size[name] for _, name in SIZES if name in by_size}
        groups["truncation"] = self._split(lambda instance: "cut by the border" if instance.truncated else "whole")
        groups["sequence"] = self._split(lambda instance: instance.sequence)
        return {
            "store": self.store,
            "bar": self.bar,
            "coverage": {
                name: {key: self._figures(rows) for key, rows in members.items()} for name, members in groups.items()
            },
            "causes": {name: self.causes.count(name) for name in CAUSES if name in self.causes},
        }

    def _split(self, key: Callable[[Instance], str]) -> dict[str, list[int]]:
        groups: dict[str, list[int]] = {}
        for position, instance in enumerate(self.instances):
            groups.setdefault(key(instance), []).append(position)
        return dict(sorted(groups.items()))

    def _figures(self, rows: Sequence[int]) -> dict[str, Any]:
        quality = np.array([self.instances[k].quality for k in rows])
        figures: dict[str, Any] = {
            "instances": len(rows),
            "with_mask": float(np.mean([self.instances[k].area > 0 for k in rows])),
            "quality": float(quality.mean()),
            "weak": float(np.mean(quality < self.bar)),
        }
        if self.agreements:
            compared = [k for k in rows if k in self.agreements]
            agreements = [self.agreements[k] for k in compared]
            figures["true_masks"] = len(compared)
            figures["iou"] = float(np.mean([agreement.iou for agreement in agreements])) if agreements else None
            figures["boundary_f"] = (
                float(np.mean([agreement.boundary_f for agreement in agreements])) if agreements else None
            )
            qualities = [self.instances[k].quality for k in compared]
            figures["rank_correlation"] = rank_correlation(qualities, [agreement.iou for agreement in agreements])
        return figures


def make_report(
    store: StoreReader,
    sequences: Sequence[str],
    *,
    bar: float = WEAK,
    truth: Path | None = None,
    min_area: int = 300,
    pictures: int = 200,
) -> Report:
    """Rate every instance of a store.

    Args:
        store: it.
        sequences: names.
        bar: quality below which an instance is weak.
        truth: true masks, as of `inspect_store`; None where there are none.
        min_area: true masks of fewer pixels are left out.
        pictures: how many of the worst are drawn, and looked at for texture.

    Raises:
        InputError: no such sequence, true masks of something else, or a frame to be drawn that is gone.
    """
    instances: list[Instance] = []
    agreement_of: dict[tuple[str, int, int], Agreement] = {}
    readers = {name: store.sequence(name) for name in sequences}
    with Bar(total=sum(map(len, readers.values())), desc="report", unit="frame") as bar_of_frames:
        for name, reader in readers.items():
            position = 0
            for instance in instances_of(reader):
                instances.append(instance)
                bar_of_frames.update(instance.position - position)
                position = instance.position
            bar_of_frames.update(len(reader) - position)
            if truth is not None:
                agreements = agreements_of(reader, truth, min_area)
                agreement_of |= {(name, *key): value for key, value in agreements.items()}
    instances.sort(key=lambda instance: instance.quality)
    causes = [cause_of(instance) if instance.quality < bar else "" for instance in instances]
    report = Report(store.url, store.class_names, bar, instances, causes)
    for position, instance in enumerate(instances):
        if (agreement := agreement_of.get((instance.sequence, instance.position, instance.row))) is not None:
            report.agreements[position] = agreement
    _draw(report, readers, pictures)
    return report


def _draw(report: Report, readers: dict[str, SequenceReader], count: int) -> None:
    """Add the pictures of the worst, each frame read once, and their causes with what the frame tells."""
    chosen = report.instances[:count]
    drawn: dict[int, bytes] = {}
    by_frame: dict[tuple[str, int], list[int]] = {}
    for position, instance in enumerate(chosen):
        by_frame.setdefault((instance.sequence, instance.position), []).append(position)
    for (name, t), positions in Bar(sorted(by_frame.items()), desc="pictures", unit="frame"):
        reader = readers[name]
        frame, objects = read_frame(reader.frame_path(t), reader.size), reader.read("objects", t)
        gradients = gradient(frame)
        for position in positions:
            instance = chosen[position]
            if report.causes[position]:
                report.causes[position] = cause_of(instance, texture_of(gradients, instance.box))
            drawn[position] = picture(frame, objects == instance.row + 1, instance.box)
    report.pictures = [drawn[position] for position in range(len(chosen))]


def picture(frame: np.ndarray, mask: np.ndarray, box: tuple[float, float, float, float]) -> bytes:
    """The surroundings of a box twice, as they are and with mask and box, as JPEG.

    Args:
        frame: (H, W, 3) uint8 RGB.
        mask: (H, W) bool.
        box: x1 y1 x2 y2, pixels.
    """
    x1, y1, x2, y2 = box
    margin = MARGIN * max(x2 - x1, y2 - y1) + 2
    height, width = mask.shape
    left, top = int(np.clip(x1 - margin, 0, width - 1)), int(np.clip(y1 - margin, 0, height - 1))
    right, bottom = int(np.clip(x2 + margin + 1, left + 1, width)), int(np.clip(y2 + margin + 1, top + 1, height))
    crop, inner = frame[top:bottom, left:right], mask[top:bottom, left:right].astype(np.uint8)
    scale = PICTURE_SIDE / max(crop.shape[:2])
    size = tuple(max(round(side * scale), 1) for side in (right - left, bottom - top))
    plain = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    inner = cv2.resize(inner, size, interpolation=cv2.INTER_NEAREST)
    shown = plain.copy()
    shown[inner > 0] = (0.65 * shown[inner > 0] + 0.35 * np.array([60, 220, 90])).astype(np.uint8)
    outlines, _ = cv2.findContours(inner, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(shown, outlines, -1, (20, 160, 50), 1)
    corners = [round((value - origin) * scale) for value, origin in zip(box, (left, top) * 2, strict=True)]
    cv2.rectangle(shown, tuple(corners[:2]), tuple(corners[2:]), (255, 200, 0), 1)
    both = np.concatenate((plain, shown), axis=1 if size[1] >= size[0] else 0)
    return cv2.imencode(".jpg", both[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def write_page(file: IO[str], report: Report) -> None:
    """Write the report as HTML that refers to nothing outside of itself."""
    before, after = (resources.files(__package__) / TEMPLATE).read_text(encoding="utf-8").split(PLACE_OF_DATA)
    file.write(before)
    file.write(_for_script(page_data(report)))
    file.write(after)


def _for_script(value: Any) -> str:
    """JSON that ends no script element, whatever names are in it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def page_data(report: Report) -> dict[str, Any]:
    """JSON values for the page: the summary, and the instances column by column."""
    sequences = sorted({instance.sequence for instance in report.instances})
    names = sorted({instance.class_id for instance in report.instances})
    causes = list(CAUSES)
    agreements = [report.agreements.get(position) for position in range(len(report.instances))]
    columns = {
        "sequence": [sequences.index(instance.sequence) for instance in report.instances],
        "frame": [instance.frame for instance in report.instances],
        "class": [names.index(instance.class_id) for instance in report.instances],
        "track": [instance.track_id for instance in report.instances],
        "box": [[round(value) for value in instance.box] for instance in report.instances],
        "area": [instance.area for instance in report.instances],
        "truncated": [int(instance.truncated) for instance in report.instances],
        "cause": [causes.index(cause) if cause else -1 for cause in report.causes],
        **{
            name: _rounded(getattr(instance, name) for instance in report.instances)
            for name in ("quality", "score", "fit", "steadiness", "hidden", "depth_contrast", "motion_contrast")
        },
    }
    if report.agreements:
        columns["iou"] = _rounded(np.nan if agreement is None else agreement.iou for agreement in agreements)
        columns["boundary_f"] = _rounded(
            np.nan if agreement is None else agreement.boundary_f for agreement in agreements
        )
    return {
        "summary": report.summary(),
        "sequences": sequences,
        "classes": [report.class_names.get(number, f"class {number}") for number in names],
        "causes": [{"name": cause.name, "reason": cause.reason, "remedy": cause.remedy} for cause in CAUSES.values()],
        "columns": columns,
        "pictures": [base64.b64encode(jpeg).decode() for jpeg in report.pictures],
    }


def _rounded(values: Iterable[float]) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 3) for value in values]
