"""A self-contained page: a video, a few figures, pictures of every stage side by side, and the tables."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipelines.reporting import pictures
from pipelines.reporting.tables import Table
from stc_pseudo.datasets.images import read_frame
from stc_pseudo.store.reader import StoreReader
from stc_track.formats.mots import read_detections, read_mots
from stc_track.io.files import replacing
from stc_track.masks import rle

COLUMNS = ("frame and boxes", "depth", "optical flow", "pseudo-masks", "predicted masks", "tracks")
PICTURE_WIDTH = 620  # pixels on the page

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1900px; padding: 0 1.5rem; color: #1d2330 }
h1 { margin-bottom: .2rem } h2 { margin-top: 2.2rem } p { max-width: 62rem }
.stages { display: grid; grid-template-columns: repeat(3, 1fr); gap: 6px 10px; margin-bottom: 1.6rem }
figure { margin: 0 } figcaption { font-size: 12px; color: #5b6575 }
img { width: 100%; display: block; border-radius: 3px }
table { border-collapse: collapse; margin: .6rem 0 1.4rem } th, td { padding: .25rem .8rem; text-align: right }
th:first-child, td:first-child { text-align: left } thead th { border-bottom: 2px solid #1d2330 }
video { width: 100%; display: block; border-radius: 3px }
summary { cursor: pointer; font-size: 1.3rem; margin-top: 2rem }
.figures { display: flex; flex-wrap: wrap; gap: 1rem 4rem; margin: 1.2rem 0 }
.figures b { display: block; font-size: 2.2rem }
tbody tr:nth-child(even) { background: #f2f4f8 } code { background: #f2f4f8; padding: .1rem .3rem; border-radius: 3px }
"""


def stage_pictures(
    store: StoreReader, name: str, index: int, predictions: Path, tracks: Path, score: float
) -> list[np.ndarray]:
    """Return the six pictures of `COLUMNS` for one frame of a sequence.

    Args:
        store: holds the sequence.
        name: of the sequence.
        index: the frame's position.
        predictions: folder of detections.
        tracks: folder of tracks.
        score: detections below are not shown.
    """
    sequence = store.sequence(name)
    number, size = sequence.numbers[index], sequence.size
    frame, boxes = read_frame(sequence.frame_path(index)), sequence.boxes_at(index)
    pieces = sequence.read("objects", index)
    named_boxes = list(zip(boxes.track_ids.tolist(), boxes.xyxy, strict=True))
    pseudo = [(track, pieces == k) for k, (track, _) in enumerate(named_boxes, 1)]
    detections = [d for d in read_detections(predictions / f"{name}.txt").get(number, ()) if d.score >= score]
    predicted = [(k, rle.decode(d.counts, d.height, d.width)) for k, d in enumerate(detections)]
    objects = read_mots(tracks / f"{name}.txt").get(number, [])
    tracked = [(o.track_id, rle.decode(o.counts, o.height, o.width)) for o in objects]
    tight = [(o.track_id, rle.tight_box(o.counts, o.height, o.width)) for o in objects]
    return [
        pictures.draw_boxes(frame, named_boxes),
        pictures.depth_picture(sequence.read("inverse_depth", index), size),
        pictures.flow_picture(sequence.read("flow", index), size),
        pictures.overlay(frame, pseudo),
        pictures.overlay(frame, predicted),
        pictures.draw_boxes(pictures.overlay(frame, tracked), tight, labels=True),
    ]


@dataclass(frozen=True)
class Page:
    """What a page shows, from top to bottom.

    Attributes:
        title, introduction: plain text.
        frames: for each, a caption and the pictures of `COLUMNS`.
        tables: of figures; folded where `figures` has the few that matter.
        commands: what was run.
        figures: value and what it is; large, above all else but the video.
        video: an mp4 file that opens the page; it plays in a loop.
    """

    title: str
    introduction: str
    frames: Sequence[tuple[str, list[np.ndarray]]]
    tables: Sequence[Table]
    commands: Sequence[str]
    figures: Sequence[tuple[str, str]] = ()
    video: Path | None = None


def write_report(path: Path, page: Page) -> None:
    """Write the page, whole or not at all."""
    sections = [f"<h1>{html.escape(page.title)}</h1>"]
    if page.video is not None:
        encoded = base64.b64encode(page.video.read_bytes()).decode()
        sections.append(
            f'<video src="data:video/mp4;base64,{encoded}" autoplay loop muted controls playsinline></video>'
        )
    if page.figures:
        cells = "".join(f"<div><b>{html.escape(v)}</b>{html.escape(what)}</div>" for v, what in page.figures)
        sections.append(f'<div class="figures">{cells}</div>')
    sections.append(f"<p>{html.escape(page.introduction)}</p>")
    tables = "".join(map(_table, page.tables))
    if not page.figures:
        sections.append(tables)
    for caption, stages in page.frames:
        pieces = "".join(
            f"<figure>{_image(picture)}<figcaption>{column}</figcaption></figure>"
            for column, picture in zip(COLUMNS, stages, strict=True)
        )
        sections.append(f'<h2>{html.escape(caption)}</h2><div class="stages">{pieces}</div>')
    if page.figures:
        sections.append(f"<details><summary>All figures</summary>{tables}</details>")
    listed = "".join(f"<li><code>{html.escape(command)}</code></li>" for command in page.commands)
    sections.append(f"<details><summary>Commands</summary><ol>{listed}</ol></details>")
    with replacing(path, "w") as file:
        file.write(
            f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{html.escape(page.title)}</title>"
            f"<style>{STYLE}</style><body>{''.join(sections)}</body></html>\n"
        )


def _table(table: Table) -> str:
    head = "".join(f"<th>{html.escape(column)}</th>" for column in table.columns)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return (
        f"<h2>{html.escape(table.title)}</h2><p>{html.escape(table.note)}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def jpeg(picture: np.ndarray) -> bytes:
    """Encode (H, W, 3) uint8 RGB."""
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    return encoded.tobytes()


def montage(stages: list[np.ndarray]) -> np.ndarray:
    """Lay the pictures of `COLUMNS` out in two columns, each with its name, as one (H, W, 3) picture."""
    named = []
    for name, picture in zip(COLUMNS, map(_small, stages), strict=True):
        picture = picture.copy()
        for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(picture, name, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, thickness, cv2.LINE_AA)
        named.append(picture)
    return np.vstack([np.hstack(named[k : k + 2]) for k in range(0, len(named), 2)])


def _small(picture: np.ndarray) -> np.ndarray:
    height = round(picture.shape[0] * PICTURE_WIDTH / picture.shape[1])
    return cv2.resize(picture, (PICTURE_WIDTH, height), interpolation=cv2.INTER_AREA)


def _image(picture: np.ndarray) -> str:
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(jpeg(_small(picture))).decode()}" alt="">'
