"""A store of pseudo-labels as a source of tracks, without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from stc_track.formats.base import Source, Sources
from stc_track.formats.mot_boxes import filled
from stc_track.formats.mots import IGNORE_CLASS, IGNORE_ID, MotsObject
from stc_track.formats.mots_png import label_spans
from stc_track.formats.store import MANIFEST, RECORD, StoredSequence, read_manifest, read_record
from stc_track.io.errors import InputError
from stc_track.io.location import Location
from stc_track.io.pictures import Frames
from stc_track.masks import rle


def is_store(path: Path) -> bool:
    """Whether a folder is a store."""
    return (path / MANIFEST).is_file()


def open_store(path: Path, *, sequences: Sequence[str] | None = None, regions: bool = False) -> Sources:
    """`store_sources` of the store in a local folder."""
    store = Location(path)
    read_manifest(store)
    contents = store.read_many(f"{name}/{RECORD}" for name in store.folders())
    records = {key.split("/")[0]: content for key, content in contents.items()}
    if not records:
        hint = "`stc-pseudo build` finishes what it began"
        raise InputError(store.url, expected="at least one complete sequence", found="none", hint=hint)
    read = {name: read_record(store, name, records[name]) for name in sorted(records)}
    return store_sources(store, read, sequences=sequences, regions=regions)


def store_sources(
    store: Location,
    records: Mapping[str, dict[str, Any]],
    *,
    sequences: Sequence[str] | None = None,
    regions: bool = False,
) -> Sources:
    """The pseudo-masks of a store, with their scores and which frames there are.

    A box that no mask was found for has an empty one.

    Args:
        store: where it is.
        records: of its complete sequences, by name.
        sequences: which to take; None takes all.
        regions: whether boxes where nothing is known become ignore regions; without, they are left out.

    Raises:
        InputError: a named sequence that is not there.
    """
    if missing := [name for name in sequences or () if name not in records]:
        found = f"only {', '.join(records)[:80]}"
        raise InputError(store.url, expected=f"sequence '{missing[0]}'", found=found, hint="see `sequences=`")
    opened: dict[str, Source] = {}
    class_names: dict[int, str] = {}
    for name in sequences or records:
        sequence = StoredSequence(store, name, records[name])
        class_names |= {int(number): title for number, title in records[name]["class_names"].items()}
        names = tuple(PurePosixPath(path).name for path in records[name]["frames"])
        frames = Frames(sequence.numbers, names, sequence.size)
        objects = partial(store_objects, sequence, regions=regions)
        opened[name] = Source(name, "store", Path(name), objects, frames=frames)
    return Sources(opened, class_names)


def store_objects(sequence: StoredSequence, *, regions: bool = False) -> Iterator[MotsObject]:
    """One sequence's objects by increasing frame, within a frame as its boxes; arguments as of `store_sources`."""
    tables = {name: sequence.table(name) for name in ("box_frame", "box_xyxy", "box_class", "box_track")}
    has_scores = "box_score" in sequence.record["tables"]
    scores = sequence.table("box_score") if has_scores else np.ones(len(tables["box_frame"]))
    ignored = {name: sequence.table(name) for name in ("ignore_frame", "ignore_xyxy")}
    height, width = sequence.size
    for t, number in enumerate(sequence.numbers):
        rows = range(*np.searchsorted(tables["box_frame"], (t, t + 1)))
        ignored_boxes = (
            ignored["ignore_xyxy"][slice(*np.searchsorted(ignored["ignore_frame"], (t, t + 1)))] if regions else ()
        )
        if not len(rows) and not len(ignored_boxes):
            continue
        spans = dict(label_spans(sequence.read("objects", t)))
        for k, row in enumerate(rows, 1):
            empty = k not in spans
            yield MotsObject(
                number,
                int(tables["box_track"][row]),
                int(tables["box_class"][row]),
                height,
                width,
                rle.from_spans(spans.get(k, np.zeros((0, 2), np.int64)), height, width),
                float(scores[row]),
                tuple(tables["box_xyxy"][row].tolist()) if empty else None,
            )
        for box in ignored_boxes:
            counts = filled(tuple(box.tolist()), height, width)
            yield MotsObject(number, IGNORE_ID, IGNORE_CLASS, height, width, counts, ignored=True)
