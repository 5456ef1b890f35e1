"""Refining a whole store: learn from its masks, label its boxes again, keep the better of both (`refine`)."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stc_pseudo.building.stages import pool_objects
from stc_pseudo.datasets.base import Sequence
from stc_pseudo.nn import weights
from stc_pseudo.puzzle.features import average_cells
from stc_pseudo.puzzle.votes import Moment, vote
from stc_pseudo.refine.crops import inside
from stc_pseudo.refine.encoder import Encoder
from stc_pseudo.refine.instances import Instance, list_instances, read_frame_data
from stc_pseudo.refine.network import CropNetwork
from stc_pseudo.refine.rating import columns_of, look_at
from stc_pseudo.refine.relabel import Refiner, assign, paste
from stc_pseudo.refine.score import choose
from stc_pseudo.refine.settings import RefineSettings
from stc_pseudo.refine.training import Trained, train
from stc_pseudo.refine.views import Views, make_views
from stc_pseudo.store.reader import SequenceReader, StoreReader
from stc_pseudo.store.schema import REFINED_ARRAYS
from stc_pseudo.store.versions import PartialSequence
from stc_pseudo.store.writer import StoreWriter
from stc_track.io.errors import InputError, SettingError
from stc_track.io.progress import Bar

log = logging.getLogger(__name__)

LEAST_BOXES = 48  # with a label: of fewer a network learns the errors
LEAST_LABEL = 16  # pixels of a reference crop, for a label to be learnt from
REPLACED = ("objects", "instances", "coverage")


def refine_store(
    reader: StoreReader,
    out: str,
    sequences: tuple[str, ...],
    encoder: Encoder,
    settings: RefineSettings,
    device: str = "cpu",
) -> None:
    """Write a store whose masks are, box by box, the network's or the given store's, whichever look better.

    Args:
        reader: the store of the first round; it stays as it is.
        out: where the new store goes. A rerun after an interruption goes on there.
        sequences: names of those that are learnt from and labelled again.
        encoder: of the crops.
        settings: of the trainings.
        device: where they run.

    Raises:
        InputError: the store's masks are refined already or have no scores, fewer than `LEAST_BOXES` boxes have a mask,
            or `out` is the store itself or holds sequences made from something else.
    """
    source = {name: reader.sequence(name).provenance for name in sequences}
    for name, provenance in source.items():
        if "refine" in provenance:
            raise InputError(
                f"{reader.url}/{name}",
                expected="masks as `stc-pseudo build` makes them",
                found="refined ones",
                hint="`rounds=` says how often masks are learnt from",
            )
        reader.sequence(name).column("box_score", 0)  # refuse a store without scores before anything is learnt
    described = {"settings": asdict(settings), "encoder": encoder.fingerprint, "store": digest(source)}
    new = {name: provenance | {"refine": described} for name, provenance in source.items()}
    root = reader.sequence(sequences[0]).root
    with StoreWriter(out, reader.dataset, reader.class_names, root) as writer:
        if writer.url == reader.url:
            raise SettingError("out", "another store than the one that is read", out)
        missing = [name for name in sequences if writer.recorded(name) != new[name]]
        for name in missing:
            if writer.recorded(name) is not None:
                expected, found = "no sequence made from something else", f"'{name}'"
                raise InputError(writer.url, expected=expected, found=found, hint="choose another `out=`")
        if not missing:
            log.info("%s: complete", out)
            return
        kept = Kept.beside(writer, digest(described))
        refiner = learn(reader, sequences, encoder, settings, device, kept)
        total, counts = sum(len(reader.sequence(name)) for name in missing), np.zeros(2, np.int64)
        with Bar(total=total, desc="refine", unit="frame") as bar:
            for name in missing:
                old = reader.sequence(name)
                partial = writer.begin(as_sequence(old, name, reader.class_names), new[name])
                for start, stop in partial.missing():
                    counts += relabel_shard(old, name, partial, start, stop, refiner)
                    bar.update(stop - start)
                writer.finish(name)
        kept.remove()
    log.info("%d of %d masks are the network's, the others those of the first round", counts[1], counts.sum())


def learn(
    reader: StoreReader, sequences: tuple[str, ...], encoder: Encoder, settings: RefineSettings, device: str, kept: Kept
) -> Refiner:
    """Train the networks of all rounds on the masks of the sequences; those that are `kept` are not trained again."""
    instances = drawn(list_instances(reader, sequences), settings)
    views, labels = make_views(reader, instances, encoder, settings, device)
    labelled = torch.from_numpy((labels > 127).sum((1, 2)) >= LEAST_LABEL)
    if labelled.sum() < LEAST_BOXES:
        raise InputError(
            reader.url,
            expected=f"at least {LEAST_BOXES} boxes with a mask to learn from",
            found=str(int(labelled.sum())),
            hint="the store stays as it is; take more videos into it",
        )
    hold = held_out(len(instances), settings)
    heads: list[Trained] = []
    for number in range(settings.rounds):
        views.set_labels(labels)
        heads = []
        for k in range(settings.heads):
            seed = settings.seed + number * settings.heads + k
            head = kept.read(f"{number}_{k}", encoder.channels, device)
            if head is None:
                log.info("round %d of %d, network %d of %d", number + 1, settings.rounds, k + 1, settings.heads)
                learnt = torch.where(labelled & ~hold)[0]
                head = train(views, encoder.channels, learnt, torch.where(hold)[0], settings, seed, device)
                kept.write(f"{number}_{k}", head)
            heads.append(head)
        if number + 1 < settings.rounds:
            labels = predicted_labels(views, heads, device)
            labelled = torch.from_numpy((labels > 127).sum((1, 2)) >= LEAST_LABEL)
    return Refiner(encoder, heads, settings.crop, device, settings.votes)


def drawn(instances: list[Instance], settings: RefineSettings) -> list[Instance]:
    """At most `max_boxes` of the boxes, at random, in their order."""
    if len(instances) <= settings.max_boxes:
        return instances
    chosen = np.random.default_rng(settings.seed).choice(len(instances), settings.max_boxes, replace=False)
    return [instances[i] for i in np.sort(chosen)]


def held_out(count: int, settings: RefineSettings) -> Tensor:
    """Which of so many boxes are not learnt from, drawn at random: (count,) bool.

    Single boxes and not whole tracks: a track or two of far objects tell nothing of the others.
    """
    random = np.random.default_rng(settings.seed)
    chosen = torch.zeros(count, dtype=torch.bool)
    chosen[random.choice(count, round(settings.holdout * count), replace=False)] = True
    return chosen


def predicted_labels(views: Views, heads: list[Trained], device: str) -> np.ndarray:
    """The networks' masks in the reference crops, cut to the boxes: (N, S, S) uint8."""
    labels = []
    for part in torch.arange(len(views.instances)).split(64):
        batch = views.batch(part * views.per_box, device)
        mean = sum(head.probability(batch["features"], batch["side"]) for head in heads) / len(heads)
        labels.append((255 * mean).to(torch.uint8).cpu().numpy())
    boxes = views.box[:: views.per_box].numpy()
    return np.concatenate(labels) * np.stack([inside(box, views.size) for box in boxes])


def relabel_shard(
    old: SequenceReader, name: str, partial: PartialSequence, start: int, stop: int, refiner: Refiner
) -> np.ndarray:
    """Write frames start..stop of a sequence: arrays of the first round, but for its masks.

    Returns:
        how many of its boxes keep the mask of the first round, and how many have the network's.
    """
    frames = slice(start, stop)
    arrays = {array: old.read(array, frames) for array in partial.arrays if array not in (*REPLACED, *REFINED_ARRAYS)}
    before = old.read("objects", frames)
    objects, probability = before.copy(), np.zeros(before.shape, np.uint8)
    data, masks = [read_frame_data(old, t) for t in range(start, stop)], []
    for t, frame in zip(range(start, stop), data, strict=True):
        tracks, boxes = frame.boxes.track_ids.tolist(), frame.boxes.xyxy
        instances = [Instance(name, t, row, track, boxes[row]) for row, track in enumerate(tracks)]
        crops = refiner.probabilities(frame, instances) if instances else []
        masks.append([paste(crop, instance, old.size) for crop, instance in zip(crops, instances, strict=True)])
    moments = [
        Moment(
            of_frame,
            frame.boxes,
            np.ascontiguousarray(frame.maps[1:].transpose(1, 2, 0)),
            average_cells(frame.rgb),
            old.size,
        )
        for of_frame, frame in zip(masks, data, strict=True)
    ]
    masks = vote(moments, refiner.votes)
    areas, refined, looks = [], [], []
    for k, (frame, of_frame) in enumerate(zip(data, masks, strict=True)):
        choice = choose(before[k], of_frame, frame)
        objects[k], _ = assign(choice.masks, old.size)
        probability[k] = 255 * assign(of_frame, old.size)[1]
        refined.append(choice.refined)
        scores = old.column("box_score", start + k).tolist()
        looks += [
            look_at(frame, row, objects[k], before[k], share, scores[row]) for row, (_, share) in enumerate(of_frame)
        ]
        areas.append(np.bincount(objects[k].ravel(), minlength=len(of_frame) + 1)[1:])
    pooled = [pool_objects(on_frame) for on_frame in objects]
    arrays |= {
        "objects": objects,
        "instances": np.stack([instances for instances, _ in pooled]),
        "coverage": np.stack([coverage for _, coverage in pooled]),
        "first_objects": before,
        "probability": probability,
    }
    is_refined = np.concatenate([np.zeros(0, bool), *refined])
    columns = {"box_area": np.concatenate(areas), "box_refined": is_refined.astype(np.uint8)} | columns_of(looks)
    partial.write(start, arrays, columns)
    return np.bincount(is_refined, minlength=2)


def as_sequence(old: SequenceReader, name: str, class_names: dict[int, str]) -> Sequence:
    """The frames and boxes of a stored sequence."""
    frames = tuple(old.frame_path(t) for t in range(len(old)))
    boxes = {number: old.boxes_at(t) for t, number in enumerate(old.numbers)}
    return Sequence(name, old.size, frames, old.numbers, boxes=boxes, class_names=class_names)


def digest(values: Any) -> str:
    """First 16 hexadecimal digits of the SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Kept:
    """Trained networks of an interrupted run, in a folder beside the store's sequences.

    Attributes:
        folder: None where the store is not on this machine's disk: nothing is kept then.
        key: of what they were trained from.
    """

    folder: Path | None
    key: str

    @classmethod
    def beside(cls, writer: StoreWriter, key: str) -> Kept:
        """Those of the store that `writer` writes."""
        return cls(Path(writer.url.removeprefix("file://")) / ".refine" if writer.store.is_local else None, key)

    def read(self, name: str, channels: tuple[int, ...], device: str) -> Trained | None:
        """A network that was trained before, or None."""
        if self.folder is None or not (path := self.folder / f"{self.key}_{name}.pth").is_file():
            return None
        content, networks = weights.load(path, "`out=`"), []
        for part in ("network", "average"):
            network = CropNetwork(channels)
            weights.load_state(network, content[part], path, "`out=`", "the crop network")
            networks.append(network.to(device).eval())
        return Trained(*networks)

    def write(self, name: str, head: Trained) -> None:
        """Keep a network."""
        if self.folder is not None:
            content = {"network": head.network.state_dict(), "average": head.average.state_dict()}
            weights.save(self.folder / f"{self.key}_{name}.pth", content)

    def remove(self) -> None:
        """The store is complete."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
