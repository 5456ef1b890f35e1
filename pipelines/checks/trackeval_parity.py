"""`stc-eval` beside TrackEval's own runner on the same files: the largest difference of any figure, and both times."""

from __future__ import annotations

import contextlib
import io
import math
import shutil
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from stc_track.evaluation.mots import Evaluation, evaluate, truth_files
from stc_track.formats.mots import read_mots
from stc_track.io.console import Command
from stc_track.io.errors import InputError
from stc_track.io.files import sequence_files
from stc_track.io.options import PATH
from stc_track.io.processes import usable_cores

SHARES = {
    "HOTA": ("HOTA", "HOTA"),
    "DetA": ("HOTA", "DetA"),
    "AssA": ("HOTA", "AssA"),
    "LocA": ("HOTA", "LocA"),
    "sMOTSA": ("CLEAR", "sMOTA"),
    "MOTSA": ("CLEAR", "MOTA"),
    "MOTSP": ("CLEAR", "MOTP"),
    "IDF1": ("Identity", "IDF1"),
}
COUNTS = {"id_switches": "IDSW", "true_positives": "CLR_TP", "false_negatives": "CLR_FN", "false_positives": "CLR_FP"}
TOLERANCE = 1e-6


def by_trackeval(results: Path, truth: dict[str, Path], folder: Path) -> dict:
    """TrackEval's figures by sequence, class, metric and field, from its own reading of the files.

    Args:
        results: folder of `{sequence}.txt`.
        truth: the true file of each sequence.
        folder: an empty one, for the layout that TrackEval wants.
    """
    import trackeval

    (folder / "truth" / "label_02").mkdir(parents=True)
    (folder / "trackers" / "ours" / "data").mkdir(parents=True)
    lengths = {}
    for name, path in truth.items():
        shutil.copy(path, folder / "truth" / "label_02" / f"{name}.txt")
        shutil.copy(results / f"{name}.txt", folder / "trackers" / "ours" / "data" / f"{name}.txt")
        lengths[name] = 1 + max((*read_mots(path), *read_mots(results / f"{name}.txt")), default=-1)
    quiet = {"PRINT_CONFIG": False}
    off = {key: False for key, value in trackeval.Evaluator.get_default_eval_config().items() if value is True}
    config = {"GT_FOLDER": str(folder / "truth"), "TRACKERS_FOLDER": str(folder / "trackers"), "SEQ_INFO": lengths}
    with contextlib.redirect_stdout(io.StringIO()):
        metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(quiet), trackeval.metrics.Identity(quiet)]
        evaluator = trackeval.Evaluator({**off, "BREAK_ON_ERROR": True})
        figures, _ = evaluator.evaluate([trackeval.datasets.KittiMOTS({**config, **quiet})], metrics)
    return figures["KittiMOTS"]["ours"]


def largest_difference(ours: Evaluation, theirs: dict) -> tuple[float, int]:
    """Of all figures of all classes, of each sequence and of all, in percent points; and how many were compared."""
    differences = []
    for name, classes in {**ours.sequences, "COMBINED_SEQ": ours.combined}.items():
        for class_name, scores in classes.items():
            figures = theirs[name][class_name]
            for field, (metric, key) in SHARES.items():
                differences.append(abs(getattr(scores, field) - 100 * float(np.mean(figures[metric][key]))))
            for field, key in COUNTS.items():
                differences.append(abs(getattr(scores, field) - float(figures["CLEAR"][key])))
    return max(differences, default=math.nan), len(differences)


@click.command(cls=Command)
@click.argument("results", type=PATH)
@click.option("--truth", required=True, type=PATH, help="As of stc-eval.")
def main(results: Path, truth: Path) -> None:
    """Measure RESULTS, a folder of KITTI MOTS text, by `stc-eval` and by TrackEval's runner."""
    files = truth_files(truth)
    sequence_files(results, list(files), "RESULTS names the folder")
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        theirs = by_trackeval(results, files, Path(folder))
        middle = time.perf_counter()
        ours = evaluate(results, truth, workers=usable_cores())
        ended = time.perf_counter()
    difference, count = largest_difference(ours, theirs)
    click.echo(f"{len(files)} sequences, {count} figures, largest difference {difference:.1e}")
    click.echo(f"stc-eval {ended - middle:.1f} s with {usable_cores()} processes, TrackEval {middle - started:.1f} s")
    if not difference <= TOLERANCE:
        raise InputError(results, expected=f"differences of at most {TOLERANCE:g}", found=f"{difference:g}")


if __name__ == "__main__":
    main()
