"""How well the tracker links detections that are known: the true masks without their ids, as they are or spoilt.

`python -m pipelines.track_oracle --root DIR` prints HOTA and identity switches of both classes for each variant of the
tracker, apart for the sequences that its settings were chosen on and for the others, and the frames per second.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
import numpy as np
from scipy import ndimage

from stc_track.evaluation import evaluate_sequence, summarise, truth_files
from stc_track.formats import rle
from stc_track.formats.files import replacing
from stc_track.formats.mots import IGNORE_CLASS, Detection, MotsObject, read_mots, write_mots
from stc_track.linking import link
from stc_track.settings import TrackerSettings

TUNING = {"0001", "0004", "0005", "0011", "0015", "0017"}  # the settings' defaults were chosen on these
CLASSES = ("car", "pedestrian")
DEFAULT = TrackerSettings()
VARIANTS = {
    "default": DEFAULT,
    "centre point": replace(DEFAULT, motion="center"),
    "no filter": replace(DEFAULT, motion="none"),
    "hungarian": replace(DEFAULT, matching="hungarian"),
    "greedy": replace(DEFAULT, matching="greedy"),
    "cascade": replace(DEFAULT, cascade=True),
    "single threshold": replace(DEFAULT, single_threshold=True),
    "boxes alone": replace(DEFAULT, mask_weight=0),
    "no last round": replace(DEFAULT, reach=0),
    "start at rest": replace(DEFAULT, common_start=False),
}


@dataclass(frozen=True, slots=True)
class Noise:
    """What a detector does to the true masks.

    Attributes:
        seed: of everything random.
        miss: share of objects that are missed; of small ones (below `small` pixels of area) `miss_small`.
        false_alarms: ellipses of a random former object's size, mean number a frame.
        shift: standard deviation of the mask's displacement, share of the box's sides.
        erode: share of the masks that lose a pixel all around, as many gain one.
    """

    seed: int = 0
    miss: float = 0.05
    miss_small: float = 0.2
    small: int = 400
    false_alarms: float = 0.3
    shift: float = 0.03
    erode: float = 0.3


def perfect(frames: dict[int, list[MotsObject]]) -> list[Detection]:
    """The true masks with score 1, in a fixed order that betrays no id."""
    found = [
        Detection(frame, box, 1.0, each.class_id, each.height, each.width, each.counts)
        for frame, objects in sorted(frames.items())
        for each in objects
        if each.class_id != IGNORE_CLASS
        and (box := tuple(rle.tight_box(each.counts, each.height, each.width).tolist()))[2] > 0
    ]
    return sorted(found, key=lambda each: (each.frame, each.box))


def spoilt(detections: Iterable[Detection], noise: Noise) -> list[Detection]:
    """The same with misses, displaced, eroded and grown masks, scores that fall with size, and false alarms."""
    random = np.random.default_rng(noise.seed)
    kept = []
    for each in detections:
        small = rle.area(each.counts, each.height, each.width) < noise.small
        if random.random() < (noise.miss_small if small else noise.miss):
            continue
        score = float(random.beta(3, 2) if small else random.beta(8, 2))
        if (moved := _moved(each, noise, random)).any():
            kept.append(_detection(each, moved, score))
        if random.random() < noise.false_alarms / 8:  # about eight objects on a frame
            kept.append(_detection(each, _ellipse(each, random), float(random.beta(2, 4))))
    return kept


def _moved(each: Detection, noise: Noise, random: np.random.Generator) -> np.ndarray:
    x1, y1, x2, y2 = each.box
    mask = rle.decode(each.counts, each.height, each.width)
    offset = np.rint(random.normal(0, noise.shift, 2) * (y2 - y1, x2 - x1)).astype(int)
    moved = np.zeros_like(mask)
    rows, columns = np.nonzero(mask)
    rows, columns = rows + offset[0], columns + offset[1]
    inside = (rows >= 0) & (rows < each.height) & (columns >= 0) & (columns < each.width)
    moved[rows[inside], columns[inside]] = True
    change = random.random()
    if change < noise.erode:
        eroded = ndimage.binary_erosion(moved)
        return eroded if eroded.any() else moved
    return ndimage.binary_dilation(moved) if change < 2 * noise.erode else moved


def _ellipse(each: Detection, random: np.random.Generator) -> np.ndarray:
    """Somewhere on the frame, of the same size and height in the picture."""
    x1, y1, x2, y2 = each.box
    y, x = np.ogrid[: each.height, : each.width]
    centre = random.uniform(0, each.width), (y1 + y2) / 2
    radii = max((x2 - x1) / 2, 1), max((y2 - y1) / 2, 1)
    return ((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 <= 1


def _detection(like: Detection, mask: np.ndarray, score: float) -> Detection:
    counts = rle.encode(mask)
    box = tuple(rle.tight_box(counts, like.height, like.width).tolist())
    return replace(like, counts=counts, box=box, score=score)


def measure(detections: dict[str, list[Detection]], truth: Path, settings: TrackerSettings) -> dict[str, dict]:
    """HOTA and identity switches of both classes on each split, and frames per second of linking alone.

    Returns:
        {split: {"fps": ..., "car": {"HOTA": ..., "switches": ...}, "pedestrian": {...}}}, `fps` of all together.
    """
    frames = sum(len({each.frame for each in found}) for found in detections.values())
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        linked = {name: list(link(found, settings)) for name, found in detections.items()}
        seconds = time.perf_counter() - started
        parts = {}
        for name, path in truth_files(truth, list(detections)).items():
            write_mots(Path(folder) / f"{name}.txt", linked[name])
            parts[name] = evaluate_sequence(Path(folder) / f"{name}.txt", path)
    figures = {}
    for split, names in {"tuning": parts.keys() & TUNING, "others": parts.keys() - TUNING, "all": parts.keys()}.items():
        combined = summarise({name: parts[name] for name in names}).combined if names else {}
        scores = {name: {"HOTA": each.HOTA, "switches": each.id_switches} for name, each in combined.items()}
        figures[split] = {"fps": frames / seconds, **scores}
    return figures


@click.command()
@click.option("--root", required=True, type=click.Path(path_type=Path), help="Data set with instances_txt.")
@click.option("--noise", is_flag=True, help="Spoil the detections; without it they are the true masks.")
@click.option("--seed", default=0, show_default=True, help="Of the noise.")
@click.option("--variants", is_flag=True, help="Measure each switch of the tracker, not the defaults alone.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the figures to this file as well.")
def main(root: Path, noise: bool, seed: int, variants: bool, json_file: Path | None) -> None:
    """Link known detections of the KITTI MOTS training sequences and measure the tracks."""
    model = Noise(seed=seed)
    detections = {name: perfect(read_mots(path)) for name, path in truth_files(root).items()}
    if noise:
        detections = {name: spoilt(found, model) for name, found in detections.items()}
    chosen = VARIANTS if variants else {"default": DEFAULT}
    click.echo(f"noise: {model if noise else 'none'}\nsettings: {DEFAULT}")
    click.echo(f"{'':18}{'split':8}" + "".join(f"{name:>12}{'switches':>9}" for name in CLASSES) + f"{'frames/s':>9}")
    figures: dict[str, dict] = {}
    for variant, settings in chosen.items():
        figures[variant] = measure(detections, root, settings)
        for split, found in figures[variant].items():
            cells = (f"{found[name]['HOTA']:12.2f}{found[name]['switches']:9d}" if name in found else " " * 21
                     for name in CLASSES)  # fmt: skip
            click.echo(f"{variant:18}{split:8}{''.join(cells)}{found['fps']:9.0f}")
    if json_file:
        with replacing(json_file, "w") as file:
            json.dump({"noise": asdict(model) if noise else None, "variants": figures}, file, indent=2)


if __name__ == "__main__":
    main()
