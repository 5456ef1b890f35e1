"""Video files become folders of frames, each frame once and in order."""

import json
import struct
from fractions import Fraction

import cv2
import numpy as np
import pytest

from stc_pseudo.datasets.images import read_frame
from stc_pseudo.datasets.video_file import unpack
from stc_track.io.errors import InputError

av = pytest.importorskip("av")

H, W = 66, 130
COUNT = 12


def picture(k, size=(H, W)):
    """Frame k: its number as a grey level, brighter on the left half."""
    frame = np.full((*size, 3), 10 + 12 * k, np.uint8)
    frame[:, : size[1] // 2] += 60
    return frame


def write(path, times=range(COUNT), b_frames=0, **options):
    """Write frames shown at `times` (tenths of a second), `b_frames` of three coded after what they lie before."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("mpeg4", rate=10, options={"bf": str(b_frames)})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = W, H, "yuv420p", 4_000_000
        stream.gop_size = 12 if b_frames else 1
        for k, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(k), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def levels(frames):
    return [int(np.median(read_frame(path)[:, W // 2 + 8 : W - 8])) for path in frames]


@pytest.mark.parametrize(
    ("times", "warned"),
    [(range(COUNT), False), ([0, 1, 2, 3, 9, 10, 11, 30, 31, 32, 33, 34], True)],
    ids=["constant rate", "variable rate"],
)
@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_every_frame_comes_out_once(tmp_path, ending, times, warned, caplog):
    video = unpack(write(tmp_path / f"a.{ending}", times), tmp_path / "frames" / "a")
    assert video.size == (H, W)
    assert [path.name for path in video.frames] == [f"{k:06d}.jpg" for k in range(COUNT)]
    np.testing.assert_allclose(levels(video.frames), [10 + 12 * k for k in range(COUNT)], atol=4)
    assert any("time between frames varies" in message for message in caplog.messages) == warned
    record = json.loads((tmp_path / "frames/a/video.json").read_text())
    np.testing.assert_allclose(record["seconds"], np.array(times) / 10, atol=2e-3)


def test_frames_come_out_in_the_order_in_which_they_are_shown(tmp_path):
    path = write(tmp_path / "a.mp4", b_frames=2)
    with av.open(str(path)) as container:
        coded = [packet.pts for packet in container.demux(video=0) if packet.pts is not None]
    assert coded != sorted(coded)
    np.testing.assert_allclose(levels(unpack(path, tmp_path / "a").frames), [10 + 12 * k for k in range(COUNT)], atol=5)


def test_a_second_time_nothing_is_written(tmp_path):
    path = write(tmp_path / "a.mp4")
    first = unpack(path, tmp_path / "a")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "a").iterdir()}
    assert unpack(path, tmp_path / "a") == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "a").iterdir()} == before


def test_another_folder_is_not_overwritten(tmp_path):
    path = write(tmp_path / "a.mp4")
    unpack(path, tmp_path / "a")
    (tmp_path / "a/000003.jpg").unlink()
    with pytest.raises(InputError, match=r"the frames of .*a\.mp4, unpacked, found something else .*`root="):
        unpack(path, tmp_path / "a")
    unpack(path, tmp_path / "b")
    with pytest.raises(InputError, match="something else"):
        unpack(write(tmp_path / "b.mp4", range(5)), tmp_path / "b")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("keep")
    with pytest.raises(InputError, match="something else"):
        unpack(path, tmp_path / "mine")
    assert (tmp_path / "mine/notes.txt").read_text() == "keep"


def test_a_turned_video_is_upright(tmp_path):
    """Phones write how to turn the picture into the track's header: here a quarter to the right."""
    content = bytearray(write(tmp_path / "a.mp4").read_bytes())
    matrix = content.index(b"tkhd") + 4 + 36
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, H << 16, 0, 1 << 30)
    (tmp_path / "turned.mp4").write_bytes(content)
    video = unpack(tmp_path / "turned.mp4", tmp_path / "turned")
    assert video.size == (W, H)
    frame = read_frame(video.frames[0])
    assert frame[: W // 2 - 8].mean() > frame[W // 2 + 8 :].mean() + 40  # what was left is on top


def changing_size(path):
    path.write_bytes(
        b"".join(
            cv2.imencode(".jpg", picture(k, size))[1].tobytes()
            for k, size in enumerate([(H, W)] * 3 + [(H - 10, W - 20)] * 3)
        )
    )


def cut_short(path, share=0.6, **options):
    content = write(path, **options).read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def sound_alone(path):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("a.mjpeg", changing_size, "frame 3: expected 130x66 pixels as its first frame, found 110x56"),
        ("a.mp4", cut_short, "video file that decodes"),
        ("a.mp4", lambda path: cut_short(path, 0.8, movflags="faststart"), "12 frames.* cut short|decodes"),
        ("a.mkv", cut_short, "cut short"),
        ("a.avi", cut_short, "cut short|frame [0-9]+: expected a video file that decodes"),
        ("a.mp4", lambda path: path.write_bytes(b""), "video file that decodes"),
        ("a.mp4", lambda path: path.write_text("not a video\n"), "video file that decodes"),
        ("a.mp4", lambda path: None, "a video file, found nothing"),
        ("a.wav", sound_alone, "one without pictures"),
    ],
    ids=["changing size", "cut mp4", "cut mp4, header first", "cut mkv", "cut avi", "empty", "text", "absent", "sound"],
)
def test_bad_files_leave_nothing(tmp_path, name, make, words):
    make(tmp_path / name)
    with pytest.raises(InputError, match=words):
        unpack(tmp_path / name, tmp_path / "frames" / "a")
    assert not list(tmp_path.glob("frames/*"))
