"""Whether damage to a store is ever read without a word: `python -m pipelines.checks.store_damage`.

A small store is built, copied and damaged in one place, again and again: flipped bits, missing, swapped, truncated and
emptied files, of every kind. `verify --deep` must find each; and what inspects, exports, tracks and trains from the
store must refuse, or read what was written.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np

from stc_pseudo.store.reader import StoreReader
from stc_pseudo.store.verify import verify_store
from stc_track.io.console import Command
from stc_track.io.errors import InputError
from stc_track.io.location import Location
from stc_track.io.progress import Bar

KINDS = ("flip", "missing", "swap", "truncate", "empty")


def kind_of(path: Path, store: Path) -> str:
    """The kind of file: its array's or table's name and part, or the record."""
    parts = path.relative_to(store).parts
    return parts[-1] if len(parts) < 4 else f"{parts[2]}/{'zarr.json' if parts[-1] == 'zarr.json' else 'c'}"


def damage(store: Path, kind: str, target: Path, random: np.random.Generator) -> bool:
    """Damage one file; tells whether its content is now another."""
    before = target.read_bytes()
    if kind == "flip":
        content = bytearray(before)
        content[random.integers(len(content))] ^= 1 << random.integers(8)
        target.write_bytes(content)
    elif kind == "missing":
        target.unlink()
    elif kind == "truncate":
        target.write_bytes(before[: random.integers(len(before))])
    elif kind == "empty":
        target.write_bytes(b"")
    else:
        same = kind_of(target, store)
        others = [path for path in sorted(store.rglob("*")) if path.is_file() and kind_of(path, store) == same]
        others = [path for path in others if path.read_bytes() != before]
        if not others:
            return False
        other = others[random.integers(len(others))]
        content = other.read_bytes()
        other.write_bytes(before)
        target.write_bytes(content)
    return not target.exists() or target.read_bytes() != before


def digest(value: object) -> str:
    """Short name of a value of JSON or of arrays."""
    if isinstance(value, np.ndarray):
        return hashlib.sha256(value.tobytes()).hexdigest()[:12]
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def readers(truth: Path) -> dict[str, Callable[[str], str]]:
    """What reads a store, by name: each gives a digest of everything it read."""
    from stc_pseudo.evaluation.pseudo_masks import inspect_store
    from stc_track.formats.store_tracks import store_sources
    from stc_train.registry import DATASETS, register_mmdetection

    register_mmdetection()
    steps = [{"type": "stc_train.LoadFrame"}, {"type": "LoadAnnotations", "with_bbox": True}]
    steps += [{"type": "stc_train.LoadPseudoLabels"}, {"type": "stc_train.PackPseudoLabels"}]

    def train(url: str) -> str:
        data = DATASETS.build({"type": "stc_train.StoreDataset", "store": url, "pipeline": steps})
        pieces = [data[k]["data_samples"].gt_instances for k in range(len(data))]
        return "".join(digest(sample.pieces.numpy()) + digest(sample.bboxes.tensor.numpy()) for sample in pieces)

    def track(url: str) -> str:
        from stc_track.tracking.cues import CueReader

        store = StoreReader(url)
        digests = []
        for name in store.sequences:
            sequence, cues = store.sequence(name), CueReader(url, name)
            boxes = np.array([[4.0, 4, 40, 40]])
            digests += [digest(cues.at(number, boxes, sequence.size)) for number in sequence.numbers]
        return "".join(digests)

    def inspect(url: str) -> str:
        store = StoreReader(url)
        return digest(inspect_store(store, truth, store.sequences, 1))

    def export(url: str) -> str:
        store = StoreReader(url)
        sources = store_sources(store.store, store.records).sequences
        return digest([[repr(obj) for obj in source.objects()] for source in sources.values()])

    return {"inspect": inspect, "export": export, "stc-train": train, "stc-track": track}


def build_store(folder: Path) -> tuple[Path, Path]:
    """A drawn data set of two sequences and its store; both sequences have two shards."""
    from click.testing import CliRunner

    from pipelines.cost.build import draw
    from stc_pseudo.cli import main as stc_pseudo

    root, store = folder / "data", folder / "store"
    draw(root, 18)
    for kind in ("image_02", "depth", "flow"):
        shutil.copytree(root / "training" / kind / "0000", root / "training" / kind / "0001")
        for path in (root / "training" / kind / "0001").glob("00000[0-3].png"):
            path.write_bytes((root / "training" / kind / "0000" / f"{int(path.stem) + 9:06d}.png").read_bytes())
    shutil.copy(root / "instances_txt/0000.txt", root / "instances_txt/0001.txt")
    training = root / "training"
    arguments = ["build", "--dataset", "kitti", "--root", root, "--out", store, "--depth", "precomputed", "--depth-dir"]
    arguments += [training / "depth", "--flow", "precomputed", "--flow-dir", training / "flow", "--detail", 4]
    done = CliRunner().invoke(stc_pseudo, [str(argument) for argument in arguments])
    if done.exit_code:
        raise click.ClickException(done.output[-1000:])
    return root, store


@dataclass
class Check:
    """One damage after the other.

    Attributes:
        store: the sound store.
        copy: where it is damaged.
        reading: what reads a store.
        right: what each reads of the sound one.
        counts: of what happened.
        bad: what should not have.
    """

    store: Path
    copy: Path
    reading: dict[str, Callable[[str], str]]
    right: dict[str, str]
    counts: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)

    def damage(self, original: Path, how: str, random: np.random.Generator) -> None:
        """Damage a fresh copy of the store in one file, and look what happens."""
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.store, self.copy)
        target = self.copy / original.relative_to(self.store)
        if not damage(self.copy, how, target, random):
            how = "flip"  # nothing to swap with
            damage(self.copy, how, target, random)
        label = f"{how} {target.relative_to(self.copy)}"
        try:
            detected = any(state.damaged for state in verify_store(Location(self.copy), deep=True))
        except InputError:
            detected = True
        if not detected:
            self.bad.append(f"{label}: not found by verify --deep")
        for name, read in self.reading.items():
            try:
                same = read(str(self.copy)) == self.right[name]
            except InputError:
                self.counts[f"{name}: refused"] += 1
                continue
            self.counts[f"{name}: read what was written"] += same
            if not same:
                self.bad.append(f"{label}: read by {name} without a word")


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--damages", type=click.IntRange(min=1), default=200)
@click.option("--seed", default=0)
def main(damages: int, seed: int) -> None:
    """Damage a store again and again; exit code 1 where it was not found, or was read without a word."""
    logging.disable(logging.WARNING)
    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root, store = build_store(folder)
        reading = readers(root)
        check = Check(store, folder / "copy", reading, {reader: read(str(store)) for reader, read in reading.items()})
        by_kind: dict[str, list[Path]] = {}
        for path in sorted(path for path in store.rglob("*") if path.is_file()):
            by_kind.setdefault(kind_of(path, store), []).append(path)
        kinds = sorted(by_kind)
        for number in Bar(range(damages), desc="damages"):
            candidates = by_kind[kinds[number % len(kinds)]]
            original = candidates[random.integers(len(candidates))]
            check.damage(original, KINDS[number // len(kinds) % len(KINDS)], random)
    click.echo(f"{damages} damages of {len(kinds)} kinds of files, seed {seed}")
    for outcome, count in sorted(check.counts.items()):
        click.echo(f"  {outcome}: {count}")
    for line in check.bad:
        click.echo(f"BAD {line}")
    if check.bad:
        raise click.exceptions.Exit(1)
    click.echo("each was found by verify --deep; none was read without a word")


if __name__ == "__main__":
    main()
