"""Tracks drawn on frames, and video that decodes to them."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from stc_track.commands.video import main
from stc_track.formats.base import MOTS_CLASS_NAMES
from stc_track.formats.mots import IGNORE_CLASS, IGNORE_ID, MotsObject, write_mots
from stc_track.io.errors import InputError
from stc_track.masks import rle
from stc_track.rendering.overlay import Overlay, Style, colour_of
from stc_track.rendering.video import VideoWriter

SIZE = HEIGHT, WIDTH = 75, 121  # odd, as KITTI's
BARE = Style(opacity=1, ids=False, trail=0)


def drawn(frame, track_id, class_id, x, y, side):
    mask = np.zeros(SIZE, bool)
    mask[y : y + side, x : x + side] = True
    return MotsObject(frame, track_id, class_id, *SIZE, rle.encode(mask), ignored=class_id == IGNORE_CLASS)


def tracks():
    for t in range(2, 8):
        yield drawn(t, 1001, 1, 10 + 8 * t, 30, 24)
        yield drawn(t, IGNORE_ID, IGNORE_CLASS, 0, 0, 12)


@pytest.fixture
def data(tmp_path):
    """Ten frames of one grey, and tracks on six of them."""
    for name in ("0000", "0001"):
        (tmp_path / "frames" / name).mkdir(parents=True)
        for t in range(10):
            Image.new("RGB", (WIDTH, HEIGHT), (90, 90, 90)).save(tmp_path / "frames" / name / f"{t:06d}.png")
        write_mots(tmp_path / "results" / f"{name}.txt", tracks())
    return tmp_path


def invoke(data, out, *options):
    arguments = [str(data / "results"), "--frames", str(data / "frames"), "--out", str(out), *options]
    return CliRunner().invoke(main, arguments)


def decoded(path):
    av = pytest.importorskip("av")
    with av.open(path) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return frames, stream.codec_context


def test_a_browser_plays_it(data):
    pytest.importorskip("av")
    done = invoke(data, data / "out", "--fps", "12.5", "--no-ids", "--trail", "0", "--opacity", "1", "--quality", "5")
    assert done.exit_code == 0, done.output or done.exception
    assert sorted(path.name for path in (data / "out").iterdir()) == ["0000.mp4", "0001.mp4"]
    content = (data / "out" / "0000.mp4").read_bytes()
    assert 0 < content.find(b"moov") < content.find(b"mdat")  # plays before it is loaded whole
    frames, codec = decoded(str(data / "out" / "0000.mp4"))
    assert (codec.name, codec.pix_fmt, codec.width, codec.height) == ("h264", "yuv420p", WIDTH + 1, HEIGHT + 1)
    assert len(frames) == 10
    assert np.abs(frames[0].astype(int) - 90).max() < 12
    inside = frames[4][36:48, 48:60].reshape(-1, 3).mean(0)
    assert np.abs(inside - colour_of(1001)).max() < 25
    assert np.abs(frames[8][36:48, 48:60].astype(int) - 90).max() < 12  # the track has ended


def test_one_file(data):
    pytest.importorskip("av")
    assert invoke(data, data / "one.mp4", "--sequences", "0001").exit_code == 0
    assert (data / "one.mp4").stat().st_size > 500
    done = invoke(data, data / "one.mp4")
    assert done.exit_code == 2
    assert "one.mp4: expected a folder, for several sequences, found a file (--sequences picks one)" in done.output


def test_overlay_paints_masks_alone():
    frame = np.full((*SIZE, 3), 90, np.uint8)
    car, region = list(tracks())[:2]
    picture = Overlay(MOTS_CLASS_NAMES, BARE).draw(frame, 2, [car, region])
    mask, grey = (rle.decode(obj.counts, *SIZE) for obj in (car, region))
    assert (picture[mask] == colour_of(1001)).all()
    assert (picture[grey] == 128).all()
    assert (picture[~mask & ~grey] == 90).all()
    assert (frame == 90).all()


def test_trails_follow_and_end():
    overlay = Overlay(MOTS_CLASS_NAMES, Style(opacity=0, ids=False, trail=4))
    frame = np.full((*SIZE, 3), 90, np.uint8)
    pictures = [overlay.draw(frame, t, [drawn(t, 1001, 1, 8 * t, 10, 20)] if t < 4 else []) for t in range(10)]
    below = [(picture[31:] != 90).any(-1).sum() for picture in pictures]
    assert below[0] == 0 < below[1] < below[2] < below[3]
    assert below[9] == 0


def test_labels_stay_inside():
    overlay = Overlay({1: "car"}, Style(trail=0))
    frame = np.full((*SIZE, 3), 90, np.uint8)
    corners = [drawn(0, 1001, 1, 0, 0, 3), drawn(0, 70, 7, WIDTH - 2, HEIGHT - 2, 2)]
    picture = overlay.draw(frame, 0, corners)
    assert picture.shape == frame.shape
    assert (picture != 90).any(-1).sum() > 100


def test_colours_differ():
    near = [colour_of(class_id * 1000 + k) for class_id in (1, 2) for k in range(1, 8)]
    distance = [np.abs(np.subtract(one, other)).max() for i, one in enumerate(near) for other in near[:i]]
    assert min(distance) > 15


@pytest.mark.parametrize(
    ("corrupt", "message"),
    [
        pytest.param(
            lambda d: [p.unlink() for p in (d / "frames" / "0000").iterdir()],
            "pictures .png or .jpg or .jpeg, found none",
            id="no pictures",
        ),
        pytest.param(
            lambda d: (d / "frames" / "0000" / "000004.png").unlink(),
            "expected one of the 9 frames 0 to 9, found frame 4",
            id="a picture missing",
        ),
        pytest.param(
            lambda d: (d / "frames" / "0000" / "000004.png").write_bytes(b"x"),
            "000004.png: expected a PNG or JPEG",
            id="no picture",
        ),
        pytest.param(
            lambda d: Image.new("RGB", (9, 9)).save(d / "frames" / "0000" / "000004.png"),
            "000004.png: expected 75 x 121 pixels as the sequence's first picture, found 9 x 9",
            id="other size",
        ),
        pytest.param(
            lambda d: write_mots(d / "results" / "0000.txt", [drawn(11, 1001, 1, 0, 0, 5)]),
            "expected one of the 10 frames 0 to 9, found frame 11",
            id="frame beyond the end",
        ),
    ],
)
def test_bad_frames(data, corrupt, message):
    pytest.importorskip("av")
    corrupt(data)
    done = invoke(data, data / "out")
    assert done.exit_code == 2, done.output
    assert message in done.output
    assert not list(data.glob("out/*"))


def test_without_pyav(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av.codec", None)
    with pytest.raises(InputError, match=r"av: expected the package.*pip install 'stc-seg\[video\]'"):
        VideoWriter(tmp_path / "out.mp4", 10)
