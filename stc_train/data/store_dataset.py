"""A store of pseudo-labels as an MMDetection data set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmdet.datasets import BaseDetDataset

from stc_pseudo.store.reader import StoreReader
from stc_track.io.errors import InputError
from stc_track.io.remote_path import AnyPath, as_place
from stc_train.data.sampler import Sample, seed_everything
from stc_train.data.true_masks import TrueMaskReader, truth_digest
from stc_train.registry import DATASETS


def fingerprint_of(store: StoreReader, sequences: Sequence[str]) -> str:
    """Hash of everything that some sequences were made from; of all of a store, its own `fingerprint`."""
    described = {name: store.records[name]["provenance"] for name in sequences}
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]


@DATASETS.register_module()
class StoreDataset(BaseDetDataset):
    """The frames of a store that have boxes, with a handle to their maps.

    An item's `reader` and `index` say where `LoadPseudoLabels` finds the maps; the k-th instance that is not ignored
    is the number k + 1 of the map `instances`. Labels number the store's classes in the order of their class numbers.

    Args:
        store: path or fsspec URL.
        root: folder of the frames, if they are no longer where the store was built from.
        sequences: names of those to use; all by default.
        empty_frames: list the frames without boxes as well, as a validation wants.
        true_masks: folder or file of true masks, which take the place of the pseudo-masks (`data.true_masks`).
        kwargs: MMDetection's, such as `pipeline`.

    Raises:
        InputError: no such store or sequence, a frame file is gone, or no frame has a box.
    """

    def __init__(
        self,
        store: str,
        root: str | None = None,
        sequences: Sequence[str] | None = None,
        empty_frames: bool = False,
        true_masks: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.empty_frames = empty_frames
        self.store = StoreReader(store, None if root is None else as_place(root))
        self.sequences = tuple(sequences) if sequences is not None else self.store.sequences
        self.readers = [self.store.sequence(name) for name in self.sequences]
        self.true_masks = None if true_masks is None else Path(true_masks)
        if self.true_masks is not None:
            self.readers = [TrueMaskReader(reader, self.true_masks) for reader in self.readers]
        names = self.store.class_names
        self.label_of = {number: label for label, number in enumerate(sorted(names))}
        kwargs["metainfo"] = {"classes": tuple(names[number] for number in sorted(names))}
        super().__init__(**kwargs)

    @property
    def fingerprint(self) -> str:
        """Hash of everything that these sequences, and the masks that they are trained on, were made from."""
        return self._fingerprint_of(self.store)

    def _fingerprint_of(self, store: StoreReader) -> str:
        fingerprint = fingerprint_of(store, self.sequences)
        return (
            fingerprint if self.true_masks is None else f"{fingerprint}-{truth_digest(self.true_masks, self.sequences)}"
        )

    def require_unchanged(self) -> None:
        """Look at the store again.

        Raises:
            InputError: a sequence of this data set was built again from something else, or is gone; or its record is
                damaged.
        """
        now = StoreReader(self.store.url, self.store.root)
        if set(self.sequences) - set(now.sequences) or self._fingerprint_of(now) != self.fingerprint:
            raise InputError(
                self.store.url,
                expected="the store as it was when the training began",
                found="one that was built again meanwhile",
                hint="what was saved so far is of the former; train again, and build into another store meanwhile",
            )

    def load_data_list(self) -> list[dict[str, Any]]:
        """One entry for each frame that has a box, or for each frame."""
        entries = [
            self._entry(position, reader, index)
            for position, reader in enumerate(self.readers)
            for index in range(len(reader))
            if self.empty_frames or len(reader.boxes_at(index))
        ]
        if not entries:
            raise InputError(self.store.url, expected="frames with boxes", found="none", hint="see `sequences=`")
        folders: dict[AnyPath, set[str]] = {}
        for path in (as_place(entry["img_path"]) for entry in entries):
            if path.parent not in folders:  # one listing instead of a question a frame
                folders[path.parent] = {file.name for file in path.parent.iterdir()} if path.parent.is_dir() else set()
            if path.name not in folders[path.parent]:
                hint = "`frames_root=` names the folder that the frames moved to"
                raise InputError(path, expected="a frame of the store", found="no file", hint=hint)
        return entries

    def _entry(self, position: int, reader: Any, index: int) -> dict[str, Any]:
        boxes, (height, width) = reader.boxes_at(index), reader.size
        instances = [
            {"bbox": box.tolist(), "bbox_label": self.label_of[int(number)], "ignore_flag": 0}
            for box, number in zip(boxes.xyxy, boxes.class_ids, strict=True)
        ]
        instances += [{"bbox": box.tolist(), "bbox_label": 0, "ignore_flag": 1} for box in boxes.ignore]
        path = reader.frame_path(index)
        return {
            "img_path": str(path),
            "img_id": f"{self.sequences[position]}/{path.stem}",
            "position": position,
            "index": index,
            "height": height,
            "width": width,
            "instances": instances,
        }

    def __getitem__(self, idx: int | Sample) -> Any:
        """The prepared item; for a `Sample`, augmented with that sample's random numbers."""
        if isinstance(idx, Sample):
            seed_everything(idx.seed, 0, idx.number)
            idx = idx.index
        return super().__getitem__(idx)

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """The entry at `idx`, with its sequence's `reader` (kept out of the serialised list)."""
        entry = super().get_data_info(idx)
        return entry | {"reader": self.readers[entry["position"]]}
