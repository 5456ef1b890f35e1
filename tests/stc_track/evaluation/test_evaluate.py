"""`stc-eval`: TrackEval's own figures, and input that it would not survive."""

import contextlib
import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from stc_track.commands.evaluate import main
from stc_track.evaluation.mots import MOTS20, evaluate
from stc_track.formats.mots import IGNORE_CLASS, MotsObject, iter_mots, write_mots
from stc_track.masks import rle

HEIGHT, WIDTH, FRAMES = 40, 90, 12
METRICS = {
    "HOTA": ("HOTA", "HOTA"),
    "DetA": ("HOTA", "DetA"),
    "AssA": ("HOTA", "AssA"),
    "LocA": ("HOTA", "LocA"),
    "sMOTSA": ("CLEAR", "sMOTA"),
    "MOTSA": ("CLEAR", "MOTA"),
    "MOTSP": ("CLEAR", "MOTP"),
    "IDF1": ("Identity", "IDF1"),
}


def drawn(frame, track_id, class_id, x, y, side):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[max(y, 0) : y + side, max(x, 0) : x + side] = True
    return MotsObject(frame, track_id, class_id, HEIGHT, WIDTH, rle.encode(mask))


@pytest.fixture
def folders(tmp_path):
    """Two sequences of cars and pedestrians, and results with misses, shifts, id switches, false alarms."""
    for name, shift in (("0000", 0), ("0001", 1)):
        truth, results = [], []
        for t in range(FRAMES):
            truth += [drawn(t, 1001, 1, 2 + 3 * t, 2, 9), drawn(t, 2001, 2, 80 - 2 * t, 20, 7)]
            truth += [drawn(t, 10000, IGNORE_CLASS, 0, 33, 6)]
            results += [drawn(t, 1001 + (t > 5), 1, 2 + 3 * t + shift, 2, 9)]
            if t != 4:
                results += [drawn(t, 2003, 2, 81 - 2 * t, 21, 7)]
            if t == 7:
                results += [drawn(t, 1007, 1, 60, 30, 5), drawn(t, 1008, 1, 0, 34, 5)]
        write_mots(tmp_path / "truth" / f"{name}.txt", truth)
        write_mots(tmp_path / "results" / f"{name}.txt", results)
    return tmp_path / "results", tmp_path / "truth"


def by_trackeval(results, truth, tmp_path):
    """The same figures by TrackEval's own reading of the same files, by KITTI MOTS' rules."""
    import trackeval

    shutil.copytree(results, tmp_path / "trackers" / "ours" / "data")
    names = {path.stem: FRAMES for path in sorted(truth.glob("*.txt"))}
    config = {
        "GT_FOLDER": str(truth),
        "TRACKERS_FOLDER": str(tmp_path / "trackers"),
        "SEQ_INFO": names,
        "GT_LOC_FORMAT": "{gt_folder}/{seq}.txt",
        "PRINT_CONFIG": False,
    }
    return run_trackeval(trackeval.datasets.KittiMOTS, config)


def run_trackeval(dataset, config):
    """TrackEval's runner on one data set whose only tracker is named `ours`; by sequence, class, metric and field."""
    import trackeval

    quiet = {"PRINT_CONFIG": False}
    plain = {key: False for key, value in trackeval.Evaluator.get_default_eval_config().items() if value is True}
    with contextlib.redirect_stdout(io.StringIO()):
        metrics = [trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(quiet), trackeval.metrics.Identity(quiet)]
        figures, _ = trackeval.Evaluator({**plain, "BREAK_ON_ERROR": True}).evaluate([dataset(config)], metrics)
    theirs = next(iter(figures.values()))["ours"]
    theirs["all"] = theirs.pop("COMBINED_SEQ")
    return theirs


def require_parity(ours, theirs, class_names):
    assert {**ours.sequences, "all": ours.combined}.keys() == theirs.keys()
    for name, classes in {**ours.sequences, "all": ours.combined}.items():
        assert classes.keys() == class_names
        for class_name, scores in classes.items():
            for field, (metric, key) in METRICS.items():
                expected = 100 * np.mean(theirs[name][class_name][metric][key])
                assert getattr(scores, field) == pytest.approx(expected, abs=1e-9), (name, class_name, field)
            assert scores.id_switches == theirs[name][class_name]["CLEAR"]["IDSW"]


def test_parity_with_trackeval(folders, tmp_path):
    ours = evaluate(*folders, workers=2)
    require_parity(ours, by_trackeval(*folders, tmp_path), {"car", "pedestrian"})
    assert ours == evaluate(*folders)
    assert ours.combined["car"].id_switches == 2
    assert ours.combined["car"].false_positives == 2
    assert ours.combined["pedestrian"].false_negatives == 2
    assert 0 < ours.combined["car"].HOTA < 100


def test_ignore_regions_of_results_count_for_nothing(folders):
    """Several on a frame have one id, which TrackEval would refuse of objects."""
    before = evaluate(*folders)
    for path in folders[0].glob("*.txt"):
        regions = [drawn(t, 10000, IGNORE_CLASS, x, 36, 3) for t in range(FRAMES) for x in (50, 70)]
        write_mots(path, [*iter_mots(path), *regions])
    assert evaluate(*folders) == before


@pytest.fixture
def mots20(folders):
    """The same counted from frame 1, truth as MOTS20 lays it out."""
    results, truth = folders
    for name in ("0000", "0001"):
        for source, target in (
            (results / f"{name}.txt", results / f"{name}.txt"),
            (truth / f"{name}.txt", truth / name / "gt" / "gt.txt"),
        ):
            objects = [replace(obj, frame=obj.frame + 1) for obj in iter_mots(source)]
            source.unlink()
            write_mots(target, objects)
    return results, truth


def test_mots20_is_as_trackeval_has_it(mots20, tmp_path):
    import trackeval

    results, truth = mots20
    shutil.copytree(results, tmp_path / "trackers" / "ours" / "data")
    config = {
        "GT_FOLDER": str(truth),
        "TRACKERS_FOLDER": str(tmp_path / "trackers"),
        "SKIP_SPLIT_FOL": True,
        "SEQ_INFO": {"0000": FRAMES, "0001": FRAMES},
        "PRINT_CONFIG": False,
    }
    theirs = run_trackeval(trackeval.datasets.MOTSChallenge, config)
    require_parity(evaluate(results, truth, benchmark=MOTS20), theirs, {"pedestrian"})


def test_mots20_counts_from_1(mots20):
    write_mots(mots20[0] / "0001.txt", [drawn(0, 2001, 2, 5, 5, 9)])
    done = CliRunner().invoke(main, [str(mots20[0]), "--truth", str(mots20[1]), "--benchmark", "mots20"])
    assert done.exit_code == 2
    assert "0001.txt: expected frames that count from 1, found frame 0 (--benchmark names the rules)" in done.output


def test_truth_against_itself(folders):
    for scores in evaluate(folders[1], folders[1]).combined.values():
        assert scores.HOTA == scores.sMOTSA == scores.MOTSP == scores.IDF1 == 100


def test_command(folders, tmp_path):
    results, truth = folders
    (tmp_path / "set").mkdir()
    truth.rename(tmp_path / "set" / "instances_txt")
    out = tmp_path / "out.json"
    arguments = [str(results), "--truth", str(tmp_path / "set"), "--json", str(out), "--sequences", "0001"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "Eval" not in done.output  # TrackEval's own chatter
    figures = json.loads(out.read_text())
    assert list(figures["sequences"]) == ["0001"]
    assert f"{figures['combined']['car']['HOTA']:.2f}" in done.output


@pytest.mark.parametrize("workers", ["1", "2"])
def test_layouts(folders, workers):
    arguments = [str(folders[0]), "--truth", str(folders[1]), "--workers", workers, "--format"]
    figures = json.loads(CliRunner().invoke(main, [*arguments, "json"]).output)
    hota = f"{figures['combined']['pedestrian']['HOTA']:.2f}"
    row = CliRunner().invoke(main, [*arguments, "markdown"]).output.splitlines()[-1]
    assert row.startswith(f"| all | pedestrian | {hota} | ")
    row = CliRunner().invoke(main, [*arguments, "text"]).output.splitlines()[-1]
    assert row.split()[:3] == ["all", "pedestrian", hota]


def overlapping(results, truth):
    write_mots(results / "0001.txt", [drawn(3, 1001, 1, 5, 5, 9), drawn(3, 2001, 2, 9, 9, 9)])


def other_size(results, truth):
    mask = rle.encode(np.eye(5, dtype=bool))
    write_mots(results / "0001.txt", [MotsObject(0, 1001, 1, 5, 5, mask)])


def truncated(results, truth):
    (results / "0001.txt").write_bytes(b"0 1001 1 40 90 Z7\n")


@pytest.mark.parametrize(
    ("corrupt", "message"),
    [
        pytest.param(
            lambda results, truth: (results / "0001.txt").unlink(), "expected 0001.txt, found none", id="missing result"
        ),
        pytest.param(
            lambda results, truth: shutil.rmtree(results),
            "expected a folder of files {sequence}.txt, found nothing",
            id="missing results",
        ),
        pytest.param(
            lambda results, truth: shutil.rmtree(truth),
            "expected a folder of MOTS text files, found nothing",
            id="missing truth",
        ),
        pytest.param(
            lambda results, truth: [path.unlink() for path in truth.iterdir()],
            "expected files {sequence}.txt, found none",
            id="empty truth",
        ),
        pytest.param(
            overlapping,
            "0001.txt:2: expected masks that do not overlap on frame 3, found ids 1001, 2001 overlap",
            id="overlapping masks",
        ),
        pytest.param(other_size, "0001.txt: expected masks of 40 x 90 as in the truth, found 5 x 5", id="other size"),
        pytest.param(truncated, "0001.txt:1: expected an RLE string of 40 x 90 = 3600 pixels", id="truncated mask"),
    ],
)
def test_bad_input(folders, tmp_path, corrupt, message):
    corrupt(*folders)
    out = tmp_path / "out.json"
    for workers in ("1", "2"):
        arguments = [str(folders[0]), "--truth", str(folders[1]), "--json", str(out), "--workers", workers]
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 2
        assert message in done.output
        assert not out.exists()


def test_an_unknown_sequence(folders):
    done = CliRunner().invoke(main, [str(folders[0]), "--truth", str(folders[1]), "--sequences", "0000,0009"])
    assert done.exit_code == 2
    assert "expected 0009.txt, found none" in done.output


def test_frames_without_anything_change_nothing(folders):
    before = evaluate(*folders)
    for folder in folders:
        for path in folder.iterdir():
            write_mots(path, [replace(obj, frame=1000 * obj.frame) for obj in iter_mots(path)])
    assert evaluate(*folders) == before
    write_mots(folders[0] / "0001.txt", [drawn(999_999_999, 1001, 1, 5, 5, 9)])
    assert evaluate(*folders).sequences["0001"]["car"].false_positives == 1


def test_an_empty_result_is_all_missed(folders):
    for path in folders[0].iterdir():
        path.write_text("")
    scores = evaluate(*folders).combined["car"]
    assert (scores.HOTA, scores.true_positives, scores.false_negatives) == (0, 0, 2 * FRAMES)


def test_figures_never_replace_what_is_measured(folders, tmp_path):
    result = folders[0] / "0000.txt"
    before = result.read_bytes()
    done = CliRunner().invoke(main, [str(folders[0]), "--truth", str(folders[1]), "--json", str(result)])
    assert done.exit_code == 2
    assert "--json: expected a file .json of its own, found another name" in done.output
    assert result.read_bytes() == before
    files = tmp_path / "found.json", tmp_path / "true.json"
    for path in files:
        path.write_text("[]")
        arguments = [str(files[0]), "--truth", str(files[1]), "--benchmark", "youtube-vis", "--json", str(path)]
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 2
        assert "expected a file .json of its own, found what is measured" in done.output
