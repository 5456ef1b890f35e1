"""The commands as a person types them, on a KITTI MOTS folder of frames and boxes and nothing else.

Only the budgets are cut: seconds of fitting and two steps of training.
"""

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from stc_pseudo.cli import main as stc_pseudo
from stc_pseudo.depth.training import budget
from stc_track.commands.track import main as stc_track
from stc_track.formats.mots import iter_mots, read_detections
from stc_train.commands.predict import main as stc_predict
from stc_train.commands.train import main as stc_train

SIZE = 96, 192
FRAMES = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A textured road that moves, and a car in front of it with its box in `label_02`."""
    root = tmp_path_factory.mktemp("typed")
    frames, labels = root / "KITTI/training/image_02/0005", root / "KITTI/training/label_02"
    frames.mkdir(parents=True)
    labels.mkdir()
    rng = np.random.default_rng(0)
    road = cv2.resize(
        rng.integers(0, 255, (24, 96, 3), np.uint8), (SIZE[1] * 2, SIZE[0]), interpolation=cv2.INTER_CUBIC
    )
    car = cv2.resize(rng.integers(90, 160, (6, 10, 3), np.uint8), (60, 36), interpolation=cv2.INTER_CUBIC)
    lines = []
    for t in range(FRAMES):
        frame = road[:, 3 * t : 3 * t + SIZE[1]].copy()
        x = 40 + 5 * t
        frame[40:76, x : x + 60] = car
        cv2.imwrite(str(frames / f"{t:06d}.png"), frame)
        lines.append(f"{t} 1 Car 0 0 0 {x} 40 {x + 60} 76 1.5 1.6 4 0 1 10 0\n")
    (labels / "0005.txt").write_text("".join(lines))
    return root


def typed(command, *arguments):
    done = CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def test_the_three_commands_and_predict(folder, monkeypatch, caplog):
    monkeypatch.chdir(folder)
    monkeypatch.setitem(budget.INPUT_PIXELS, "cpu", 64 * 128)
    monkeypatch.setattr(budget, "lite0_installed", lambda: False)
    typed(stc_pseudo, "build", "--dataset", "kitti", "--root", "KITTI", "--fit-minutes", 0.02)
    assert caplog.text.count("no camera is given") == 1
    caplog.clear()
    typed(stc_train, "--pseudo-store", "runs/store", "--max-iters", 2)
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("config: ")]
    assert len(said) == 1
    assert "for the other); how long it takes is told after the first steps" in said[0]
    (model,) = (folder / "runs").glob("*/model.pth")
    typed(stc_predict, model, "--dataset", "kitti", "--root", "KITTI", "--out", "predictions/")
    assert (folder / "predictions" / "0005.txt").is_file()
    typed(stc_track, "predictions/", "--out", "results/")
    assert (folder / "results" / "0005.txt").is_file()
    typed(stc_pseudo, "export", "runs/store", "--format", "mots", "--out", "masks/")
    assert {obj.frame for obj in iter_mots(folder / "masks" / "0005.txt")} == set(range(FRAMES))
    typed(stc_pseudo, "report", "runs/store")
    assert (folder / "report.html").is_file()


def test_predict_takes_pictures_and_videos(folder, monkeypatch):
    """Without a layout: one picture, a folder of pictures of several sizes, a folder of frames, a video file."""
    av = pytest.importorskip("av", reason="PyAV (extra `video`) is not installed")
    monkeypatch.chdir(folder)
    (model,) = (folder / "runs").glob("*/model.pth")
    frames = sorted((folder / "KITTI/training/image_02/0005").iterdir())
    (folder / "album").mkdir()
    for name, scale in (("one", 1), ("two", 0.5)):
        picture = cv2.resize(cv2.imread(str(frames[0])), None, fx=scale, fy=scale)
        cv2.imwrite(str(folder / "album" / f"{name}.jpg"), picture)
    with av.open(str(folder / "clip.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for path in frames[:3]:
            frame = av.VideoFrame.from_ndarray(cv2.imread(str(path))[..., ::-1], format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    typed(
        stc_predict,
        model,
        frames[2],
        "album",
        "clip.mp4",
        "--out",
        "found",
        "--score-threshold",
        0,
        "--max-per-frame",
        3,
    )
    found = {path.stem: read_detections(path) for path in (folder / "found").iterdir()}
    assert found.keys() == {"000002", "one", "two", "clip"}
    assert found["000002"].keys() <= {2}
    assert {detection.height for detection in found["two"].get(0, ())} <= {SIZE[0] // 2}
    assert all(len(detections) <= 3 for frames in found.values() for detections in frames.values())
    refused = CliRunner().invoke(stc_predict, [str(model), "--out", "nothing"])
    assert refused.exit_code == 2
    assert "expected a picture, a video file or a folder of these, found none" in refused.output
