"""Every format that sequences are written in, behind one interface: what it can hold, and its writer.

A source - a store, a folder of masks, tracks - gives `Tracks`; an `Exporter` writes them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from stc_track.formats import mot_boxes
from stc_track.formats.base import Tracks
from stc_track.formats.mots import IGNORE_CLASS, IGNORE_ID, Detection, DetectionWriter, MotsObject, write_mots
from stc_track.formats.track_ids import TrackIdAllocator
from stc_track.formats.youtube_vis import Annotations
from stc_track.io.errors import InputError
from stc_track.io.files import is_plain
from stc_track.io.values import LARGEST_WHOLE
from stc_track.masks import rle

Format = Literal[
    "mots", "png", "ytvis", "ytvis-results", "coco", "cvat", "cvat-polygons", "mot", "yolo", "bdd100k", "datumaro",
    "detections",
]  # fmt: skip
YOLO_LOSES = "track ids and scores; parts of a mask are joined by lines one pixel wide, ignore regions are left out"
Writer = Callable[[Path, Iterable[Tracks], Mapping[int, str]], None]


@dataclass(frozen=True, slots=True)
class Exporter:
    """A format to write.

    Attributes:
        write: writes sequences, one after the other, to a place, given the names of classes by their numbers.
        one_file: whether all sequences go to one `.json` file; the others write a folder.
        overlaps: whether a pixel may belong to several objects.
        boxes_alone: whether an object may have a box and no mask.
        regions: whether regions where nothing is known have a place that is no class's.
        loses: what of masks, classes and track ids it cannot hold, for the person who reads the screen.
    """

    write: Writer
    one_file: bool = False
    overlaps: bool = True
    boxes_alone: bool = False
    regions: bool = False
    loses: str = ""


def _each_sequence(write_one: Callable[[Path, Tracks, Mapping[int, str]], None]) -> Writer:
    """The writer of a format that has a file or folder for each sequence."""

    def write(out: Path, sequences: Iterable[Tracks], class_names: Mapping[int, str]) -> None:
        for tracks in plain(out, sequences):
            write_one(out, tracks, class_names)

    return write


def plain(out: Path, sequences: Iterable[Tracks]) -> Iterator[Tracks]:
    """The sequences; an InputError where a name may not name a file."""
    for tracks in sequences:
        if not is_plain(tracks.name):
            raise InputError(out, expected="sequences of plain names", found=ascii(tracks.name))
        yield tracks


def _mots(out: Path, tracks: Tracks, class_names: Mapping[int, str]) -> None:
    write_mots(out / f"{tracks.name}.txt", mots_named(tracks.objects, tracks.name, class_names))


def _png(out: Path, tracks: Tracks, class_names: Mapping[int, str]) -> None:
    from stc_track.formats.mots_png import write_mots_png

    objects = mots_named(tracks.objects, tracks.name, class_names)
    write_mots_png(out / tracks.name, objects, tracks.frames)


def _mot(out: Path, tracks: Tracks, _class_names: Mapping[int, str]) -> None:
    mot_boxes.write_mot(out / f"{tracks.name}.txt", (obj for obj in tracks.objects if not obj.ignored))


def _cvat(out: Path, tracks: Tracks, class_names: Mapping[int, str]) -> None:
    from stc_track.formats.cvat_masks import write_cvat_masks  # XML is slow to import

    write_cvat_masks(out / f"{tracks.name}.xml", tracks, class_names)


def _cvat_polygons(out: Path, tracks: Tracks, class_names: Mapping[int, str]) -> None:
    from stc_track.formats.cvat import write_cvat

    write_cvat(out / f"{tracks.name}.xml", tracks, class_names)


def _bdd100k(out: Path, tracks: Tracks, class_names: Mapping[int, str]) -> None:
    from stc_track.formats.bdd100k import write_bdd100k

    write_bdd100k(out / tracks.name, tracks, class_names)


def _detections(out: Path, tracks: Tracks, _class_names: Mapping[int, str]) -> None:
    with DetectionWriter(out / f"{tracks.name}.txt") as writer:
        for obj in tracks.objects:
            if not obj.ignored:
                writer.write(as_detection(obj))


def _results(
    out: Path, sequences: Iterable[Tracks], _class_names: Mapping[int, str], annotations: Annotations | None = None
) -> None:
    from stc_track.formats.youtube_vis_writers import write_results

    write_results(out, sequences, annotations.videos if annotations else None)


def _youtube_vis(out: Path, sequences: Iterable[Tracks], class_names: Mapping[int, str]) -> None:
    from stc_track.formats.youtube_vis_writers import write_annotations

    write_annotations(out, sequences, class_names)


def _coco(out: Path, sequences: Iterable[Tracks], class_names: Mapping[int, str]) -> None:
    from stc_track.formats.coco_tracks import write_coco_tracks

    write_coco_tracks(out, sequences, class_names)


def _yolo(out: Path, sequences: Iterable[Tracks], class_names: Mapping[int, str]) -> None:
    from stc_track.formats.yolo import write_yolo

    write_yolo(out, plain(out, sequences), class_names)


def _datumaro(out: Path, sequences: Iterable[Tracks], class_names: Mapping[int, str]) -> None:
    from stc_track.formats.datumaro import write_datumaro

    write_datumaro(out, plain(out, sequences), class_names)


EXPORTERS: dict[Format, Exporter] = {
    "mots": Exporter(_each_sequence(_mots), overlaps=False, regions=True),
    "png": Exporter(_each_sequence(_png), overlaps=False, regions=True),
    "ytvis": Exporter(_youtube_vis, one_file=True),
    "ytvis-results": Exporter(_results, one_file=True, loses="track ids"),
    "coco": Exporter(_coco, one_file=True, boxes_alone=True),
    "cvat": Exporter(_each_sequence(_cvat), loses="tracks: CVAT has none of masks, ids are an attribute"),
    "cvat-polygons": Exporter(_each_sequence(_cvat_polygons)),
    "mot": Exporter(_each_sequence(_mot), boxes_alone=True, loses="masks and classes: boxes alone are written"),
    "yolo": Exporter(_yolo, loses=YOLO_LOSES),
    "bdd100k": Exporter(_each_sequence(_bdd100k), overlaps=False),
    "datumaro": Exporter(_datumaro, boxes_alone=True),
    "detections": Exporter(_each_sequence(_detections), boxes_alone=True, loses="track ids"),
}  # fmt: skip
assert tuple(EXPORTERS) == get_args(Format)


def mots_named(objects: Iterable[MotsObject], where: str, class_names: Mapping[int, str]) -> Iterator[MotsObject]:
    """The objects as MOTS numbers them."""
    names = TrackIdAllocator(keep=True)
    for obj in objects:
        if obj.class_id == IGNORE_CLASS and not obj.ignored:
            expected = f"no class {IGNORE_CLASS}, which MOTS keeps for ignore regions"
            found = f"class {IGNORE_CLASS}" + (f" '{class_names[IGNORE_CLASS]}'" if IGNORE_CLASS in class_names else "")
            raise InputError(where, expected=expected, found=found, hint=f"`classes={IGNORE_CLASS}=11` renumbers it")
        if obj.ignored:
            track_id, class_id = IGNORE_ID, IGNORE_CLASS
        else:
            track_id, class_id = names.of(obj.track_id, obj.class_id), obj.class_id
        if track_id > LARGEST_WHOLE:
            expected, hint = f"ids of class * 1000 + k, at most {LARGEST_WHOLE}", "`classes=` renumbers classes"
            raise InputError(where, expected=expected, found=f"{track_id} of class {class_id}", hint=hint)
        same = (track_id, class_id) == (obj.track_id, obj.class_id)
        yield obj if same else replace(obj, track_id=track_id, class_id=class_id)


def as_detection(obj: MotsObject) -> Detection:
    """An object without its track; a box that nobody gave is the mask's."""
    box = obj.box or tuple(rle.tight_box(obj.counts, obj.height, obj.width).tolist())
    return Detection(obj.frame, box, obj.score, obj.class_id, obj.height, obj.width, obj.counts)


def require_place(kind: Format, out: Path, source: Path | None, what: str) -> None:
    """Raise an InputError where `out` is no place for the format, or would overwrite what is read.

    Args:
        kind: the format.
        out: the file or folder.
        source: what is converted or tracked; None where it is no local file or folder.
        what: the command's name for it.
    """
    one_file = EXPORTERS[kind].one_file
    if one_file and (out.suffix != ".json" or os.path.isdir(out)):
        found = "a folder" if os.path.isdir(out) else "another name"
        raise InputError(out, expected=f"a file .json, for {kind}", found=found, hint="`out=` names it")
    if not one_file and os.path.isfile(out):
        raise InputError(out, expected="a folder", found="a file", hint="`out=` names another")
    if source is None:
        return
    if out.resolve() == source.resolve():
        noun = "file" if one_file else "folder"
        raise InputError(out, expected=f"a {noun} other than {what}", found="the same", hint="`out=` names another")
    if one_file and source.is_dir() and out.resolve().parent == source.resolve():  # where it is a sequence
        expected = f"a file outside {what}, whose files are sequences"
        raise InputError(out, expected=expected, found="one in it", hint="`out=` names another")


def require_other(out: Path, annotations: Path | None) -> None:
    """Raise an InputError where `out` is the file of annotations that is read."""
    if annotations is not None and out.resolve() == annotations.resolve():
        raise InputError(
            out, expected="a file other than `annotations=`", found="the same", hint="`out=` names another"
        )


def write(
    kind: Format,
    out: Path,
    sequences: Iterable[Tracks],
    class_names: Mapping[int, str],
    annotations: Annotations | None = None,
) -> None:
    """Write sequences one after the other.

    Args:
        kind: the format.
        out: a `.json` file where all sequences go to one, else a folder.
        sequences: prepared ones; without overlaps or missing masks where the format holds none.
        class_names: by number.
        annotations: that YouTube-VIS results are to belong to, or None.

    Raises:
        InputError: something that the format cannot hold.
    """
    writer = EXPORTERS[kind].write
    if kind == "ytvis-results":
        writer = partial(_results, annotations=annotations)
    writer(out, sequences, class_names)
