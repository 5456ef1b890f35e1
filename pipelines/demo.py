"""`make demo`: run the whole chain on synthetic driving video, in minutes, on two CPU cores.

Renders street scenes, builds pseudo-labels for some of them with the shipped depth and flow networks, trains the
shipped CondInst further on these from boxes alone, predicts and tracks on the others, measures, and writes a page.
Nothing is tuned here.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from pipelines.accuracy.predicted_masks import measure
from pipelines.demo_weights import CONFIG
from pipelines.reporting.commands import Stages
from pipelines.reporting.report import Page, jpeg, montage, stage_pictures, write_report
from pipelines.reporting.tables import Table, pseudo_mask_table, show_run
from stc_pseudo.store.reader import StoreReader
from stc_track.io.console import Command, is_verbose
from stc_track.io.options import PATH
from stc_train import shipped

TRAIN = tuple(f"{k:04d}" for k in range(8))
TEST = tuple(f"{k:04d}" for k in range(8, 11))
FRAMES = 16
STEPS, LEARNING_RATE = 100, 5e-5  # on top of what the shipped segmenter learnt on other scenes
SHOWN = (4, 10)  # positions of the frames on the page
SCORE = 0.3  # of the detections that count as found
VIDEO_RATE = 5  # frames a second, half of the scenes' own: there is time to look


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--out", type=PATH, default=Path("runs/demo"), help="Folder of all that it writes.")
@click.option("--workers", default=2, help="Processes or threads at a time.")
@click.option("--seed", default=0, help="Of the scenes and of the training.")
@click.option("--steps", default=STEPS, help="Of training; more make better masks.")
def main(out: Path, workers: int, seed: int, steps: int) -> None:
    """Boxes in, masks and tracks out, on rendered scenes."""
    started = time.monotonic()
    stages, data, store = Stages(is_verbose()), out / "data", out / "store"
    truth, held_out = data / "instances_txt", ",".join(TEST)
    render(data, workers, seed)
    stages.run("stc-pseudo", "build", "--dataset", "demo", "--root", data, "--workers", workers, "--out", store)
    stages.run("stc-pseudo", "inspect", store, "--truth", data, "--json", out / "store.json", figures=False)
    stages.run("stc-pseudo", "export", store, "--format", "coco", "--out", out / "pseudo_masks.json")
    learning = ("--config", CONFIG, "--init-model", shipped.SEGMENTER, "--max-iters", steps, "--seed", seed)
    settings = ("--cfg-options", f"optim_wrapper.optimizer.lr={LEARNING_RATE}")
    chosen = ("--sequences", ",".join(TRAIN), "--work-dir", out / "train")
    # One thread: on so small a network two wait for each other longer than they gain.
    stages.run("stc-train", "--pseudo-store", store, *chosen, *learning, *settings, threads=1)
    frames = ("--dataset", "kitti", "--root", data, "--sequences", held_out)
    stages.run("stc-predict", out / "train" / "model.pth", *frames, "--out", out / "predictions")
    stages.run("stc-track", out / "predictions", "--out", out / "results", "--cues", store)
    scores = ("--sequences", held_out, "--json", out / "scores.json")
    stages.run("stc-eval", out / "results", "--truth", truth, *scores, figures=False)
    drawn = ("--frames", data, "--fps", VIDEO_RATE, "--out", out / "videos")
    stages.run("stc-video", out / "results", *drawn)
    quality = measure(out / "predictions", truth, SCORE, min_area=300)
    (out / "prediction_iou.json").write_text(json.dumps(quality, indent=1))
    note = "On all sequences: no network saw a mask or these scenes."
    labels = pseudo_mask_table({"networks": out / "store.json"}, note)
    seconds = time.monotonic() - started
    tables = show_run(labels, quality, SCORE, out / "scores.json", stages.seconds, seconds)
    write_page(out, tables, stages, quality)
    click.echo(f"page: {out / 'report.html'}")


def render(data: Path, workers: int, seed: int) -> None:
    """Render the demo's sequences, as far as they are not there yet."""
    from stc_pseudo.synthetic import render_dataset

    render_dataset(data, sequences=len(TRAIN) + len(TEST), frames=FRAMES, seed=seed, stereo=False, workers=workers)


def headline(out: Path, quality: dict[str, Any]) -> list[tuple[str, str]]:
    """The three figures that open the page."""
    labels = json.loads((out / "store.json").read_text())["mean_iou"]["all"]
    tracks = json.loads((out / "scores.json").read_text())["combined"]
    masks = quality["all"]
    return [
        (
            f"{labels['pseudo_mask']:.2f}",
            f"mean IoU of the pseudo-masks (the boxes filled: {labels['filled_box']:.2f})",
        ),
        (
            f"{masks['predicted_mask']:.2f}",
            f"mean IoU of predicted masks, {masks['matched']} of {masks['objects']} found",
        ),
        (" / ".join(f"{row['HOTA']:.0f}" for row in tracks.values()), f"HOTA of the tracks: {' / '.join(tracks)}"),
    ]


def write_page(out: Path, tables: list[Table], stages: Stages, quality: dict[str, Any]) -> None:
    """Write `report.html` with pictures of the held-out sequences, and `stages.jpg` of one frame."""
    store = StoreReader(str(out / "store"))
    frames = [
        (
            f"Sequence {name}, frame {index}",
            stage_pictures(store, name, index, out / "predictions", out / "results", SCORE),
        )
        for name in TEST
        for index in SHOWN
    ]
    (out / "stages.jpg").write_bytes(jpeg(montage(frames[0][1])))
    page = Page(
        "Masks and tracks from boxes: the demo's synthetic street scenes",
        f"Tracks of a held-out scene. {len(TRAIN)} rendered sequences trained the segmenter further, from their boxes "
        f"alone; pictures and figures are of {len(TEST)} others. It started from weights that learnt from the boxes of "
        "other rendered scenes, with exact depth and flow. The depth network was trained without labels, the flow "
        "network, which corrects OpenCV's DIS, with true flow, both on scenes of other seeds. The segmenter itself "
        "sees only the frame. Synthetic data.",
        frames,
        tables,
        list(stages.seconds),
        headline(out, quality),
        out / "videos" / f"{TEST[0]}.mp4",
    )
    write_report(out / "report.html", page)


if __name__ == "__main__":
    main()
