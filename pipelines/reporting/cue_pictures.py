"""How a mask comes about: `python -m pipelines.reporting.cue_pictures STORE --sequence NAME --out FILE.png`.

A row for each box of a frame of a store, from left to right: the box and its surroundings, depth (near is bright),
motion relative to the surroundings (grey is as they move; direction as colour), the random walk's mask, the mask of
likelihoods of colour and motion, that of motion alone (black where it was not needed), and the mask that the store
holds. Above the candidates stands the contrast of motion along their outlines.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from stc_track.io.console import Command
from stc_track.io.options import PATH

ENLARGED = 3  # pixels of the picture a cell of the grid
GREY_STEP = 32  # of 255, for motion of one unit after compression


def row_of(panels: list[np.ndarray], captions: list[str], outline: np.ndarray) -> np.ndarray:
    """Put panels (side, side, 3) uint8 side by side, enlarged, with captions and an outline (side, side) bool."""
    import cv2

    drawn = []
    for panel, caption in zip(panels, captions, strict=True):
        shown = panel.copy()
        shown[outline] = (255, 160, 0)
        large = cv2.resize(shown, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_NEAREST)
        cv2.putText(large, caption, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 160, 0), 1, cv2.LINE_AA)
        drawn.append(large)
    return np.concatenate(drawn, 1)


@click.command(cls=Command, context_settings={"show_default": True})
@click.argument("store")
@click.option("--sequence", "name", required=True, help="Name.")
@click.option("--frame", default=0, help="Position in the sequence.")
@click.option("--boxes", "limit", default=6, help="At most, the largest first.")
@click.option("--out", type=PATH, required=True, help="Picture to write, .png or .jpg.")
def main(store: str, name: str, frame: int, limit: int, out: Path) -> None:
    """Draw the cues and the candidates of a frame's boxes."""
    import cv2

    from stc_pseudo.datasets.images import read_frame
    from stc_pseudo.puzzle.candidates import LIKELY, MOVING, Candidates, make, observe
    from stc_pseudo.puzzle.features import FrameMaps
    from stc_pseudo.puzzle.solve import walk_boxes
    from stc_pseudo.settings import TRUST, MaskSettings
    from stc_pseudo.store.reader import StoreReader
    from stc_track.formats.store import CELL
    from stc_track.io.files import replacing

    sequence = StoreReader(store).sequence(name)
    if not 0 <= frame < len(sequence) or not len(boxes := sequence.boxes_at(frame)):
        raise click.BadParameter(f"expected a frame of 0..{len(sequence) - 1} with boxes", param_hint="--frame")
    fine = "fine_" if "fine_flow" in sequence.stored else ""
    depth, flow = (sequence.read(f"{fine}{kind}", frame).astype(np.float32) for kind in ("inverse_depth", "flow"))
    detail = sequence.size[0] // len(depth) if fine else CELL
    maps = FrameMaps(read_frame(sequence.frame_path(frame), sequence.size), depth, flow, detail)
    settings = MaskSettings(**TRUST["exact" if fine else "estimated"])
    walks, stored, rows = walk_boxes(maps, boxes, settings), sequence.read("objects", frame), []
    sides = boxes.xyxy[:, 2:] - boxes.xyxy[:, :2]
    for k in np.argsort(-sides.prod(1))[:limit]:
        observation = observe(maps, boxes, k, settings.likelihood)
        box_candidates = Candidates.of_walk(observation, walks[k])
        for which in (LIKELY, MOVING):
            make([box_candidates], np.ones(1, bool), which, settings)
        near = np.log(np.maximum(observation.grid.sample(depth, detail), 1e-6))
        near = (near - near.min()) / max(float(np.ptp(near)), 1e-6)
        motion = np.concatenate([observation.motion, np.zeros_like(observation.motion[..., :1])], -1) * GREY_STEP + 128
        candidates = [box_candidates.masks[0] * 0 if mask is None else mask for mask in box_candidates.masks]
        masks = [near, *candidates, observation.grid.sample((stored == k + 1).astype(np.float32))]
        grey = [np.repeat((255 * np.clip(mask, 0, 1)).astype(np.uint8)[..., None], 3, 2) for mask in masks]
        panels = [observation.grid.sample(maps.frame), grey[0], motion.clip(0, 255).astype(np.uint8), *grey[1:]]
        captions = [
            "",
            "depth",
            "motion",
            *(
                f"{kind} {value:.2f}"
                for kind, value in zip(("walk", "likely", "moving"), box_candidates.contrast, strict=True)
            ),
            "stored",
        ]
        edge = observation.inside & (cv2.erode(observation.inside.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
        rows.append(row_of(panels, captions, edge))
    picture = cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR)
    with replacing(out) as file:
        file.write(cv2.imencode(out.suffix, picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())
    click.echo(f"{out}: {len(rows)} boxes of {name}, frame {frame}")


if __name__ == "__main__":
    main()
