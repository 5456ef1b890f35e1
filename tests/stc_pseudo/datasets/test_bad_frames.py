"""Frames and maps as people have them, through `build`: damaged, grey, 16 bits deep, of odd sizes, alone, holed."""

import cv2
import numpy as np
import pytest
from PIL import Image

from stc_pseudo.store.reader import StoreReader


class Scene:
    """A bright disc before a grey wall as a folder `0000` of frames, its box in MOT text, and its exact maps."""

    def __init__(self, folder):
        self.folder, self.frames = folder, folder / "frames/0000"
        self.boxes, self.store = folder / "boxes.txt", folder / "store"

    def write(self, run, size=(66, 130), count=3):
        self.run, self.size = run, size
        height, width = size
        y, x = np.mgrid[:height, :width] + 0.5
        radius = 0.35 * min(size)
        self.disc = (x - width / 2) ** 2 + (y - height / 2) ** 2 <= radius**2
        self.picture = np.full((*size, 3), 70, np.uint8)
        self.picture[self.disc] = 220
        self.depth = np.where(self.disc, 5.0, 40.0).astype(np.float32)
        self.flow = np.where(self.disc, 5.0, 0.0)[None].repeat(2, 0).astype(np.float32)
        for t in range(count):
            self.frame(t).parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(self.frame(t)), self.picture)
            self.map("depth", t, self.depth)
            self.map("flow", t, self.flow)
        columns, rows = np.flatnonzero(self.disc.any(0)), np.flatnonzero(self.disc.any(1))
        box = f"{columns[0] + 1},{rows[0] + 1},{np.ptp(columns) + 1},{np.ptp(rows) + 1}"
        self.boxes.write_text("".join(f"{t + 1},1,{box},1,1,1\n" for t in range(count)))
        return self

    def frame(self, t):
        return self.frames / f"{t:06d}.png"

    def map(self, kind, t, content):
        path = self.folder / kind / "0000" / f"{t:06d}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, content)

    def build(self, *more):
        return self.run(
            "build",
            "--frames",
            self.frames,
            "--boxes",
            self.boxes,
            "--out",
            self.store,
            "--depth",
            "precomputed",
            "--depth-dir",
            self.folder / "depth",
            "--flow",
            "precomputed",
            "--flow-dir",
            self.folder / "flow",
            *more,
        )

    def read(self):
        return StoreReader(str(self.store)).sequence("0000")

    def share_found(self, t):
        """IoU of frame t's cells with the disc's, by soft shares."""
        height, width = (side // 4 * 4 for side in self.size)
        true = self.disc[:height, :width].reshape(height // 4, 4, width // 4, 4).mean((1, 3))
        found = self.read().read("coverage", t) / 255
        return np.minimum(true, found).sum() / np.maximum(true, found).sum()


@pytest.fixture
def scene(drawn, tmp_path):
    return Scene(tmp_path / "scene").write(drawn.run)


def refused(scene, *words):
    result = scene.build()
    assert result.exit_code == 2, result.output
    error = next(line for line in result.output.splitlines() if line.startswith("Error: "))
    for word in words:
        assert word in error
    assert not (scene.store / "0000").exists()


@pytest.mark.parametrize("ending", ["png", "jpg"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_truncated_pictures_are_refused(scene, ending, share):
    noise = np.random.default_rng(0).integers(0, 256, scene.picture.shape, np.uint8)
    content = cv2.imencode(f".{ending}", noise)[1].tobytes()
    scene.frame(1).unlink()
    scene.frame(1).with_suffix(f".{ending}").write_bytes(content[: int(share * len(content))])
    refused(scene, f"000001.{ending}", "bytes that do not decode")


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (np.zeros((66, 130), np.uint16), ["8 bits per channel", "uint16", "convert it"]),
        (np.zeros((66, 130, 3), np.uint16), ["8 bits per channel", "uint16"]),
        (np.zeros((66, 130, 4), np.uint16), ["8 bits per channel", "uint16"]),
        (np.zeros((64, 130, 3), np.uint8), ["130x66", "130x64"]),
        (np.zeros((130, 66, 3), np.uint8), ["130x66", "66x130"]),
    ],
    ids=["16-bit grey", "16-bit colour", "16-bit with alpha", "lower", "turned"],
)
def test_other_frames_are_refused(scene, picture, words):
    cv2.imwrite(str(scene.frame(1)), picture)
    refused(scene, "000001.png", *words)


def grey(picture):
    return Image.fromarray(picture[..., 0])


@pytest.mark.parametrize(
    "convert",
    [
        grey,
        lambda picture: grey(picture).convert("LA"),
        lambda picture: Image.fromarray(picture).convert("RGBA"),
        lambda picture: Image.fromarray(picture).quantize(2),
    ],
    ids=["grey", "grey with alpha", "colour with alpha", "palette"],
)
def test_other_colours_are_the_same_frames(scene, tmp_path, convert):
    """The scene is grey: however it is stored, it is the same."""
    assert scene.build().exit_code == 0
    other = Scene(tmp_path / "other").write(scene.run)
    for t in (0, 2):  # one among others
        convert(other.picture).save(other.frame(t))
    result = other.build()
    assert result.exit_code == 0, result.output
    for name in ("instances", "coverage", "similarity_depth"):
        np.testing.assert_array_equal(other.read().read(name, slice(None)), scene.read().read(name, slice(None)))


@pytest.mark.parametrize("size", [(111, 373), (373, 111), (65, 67), (12, 13)], ids=lambda size: "{1}x{0}".format(*size))
def test_odd_sizes(drawn, tmp_path, size):
    scene = Scene(tmp_path).write(drawn.run, size)
    result = scene.build()
    assert result.exit_code == 0, result.output
    assert scene.read().size == size
    assert scene.read().read("instances", 0).shape == (size[0] // 4, size[1] // 4)
    assert scene.share_found(1) > 0.85  # the filled box: 0.79


@pytest.mark.parametrize("size", [(11, 40), (40, 3), (1, 1)], ids=lambda size: "{1}x{0}".format(*size))
def test_frames_of_next_to_nothing_are_refused(drawn, tmp_path, size):
    scene = Scene(tmp_path).write(drawn.run, (66, 130))
    for t in range(3):
        cv2.imwrite(str(scene.frame(t)), np.zeros((*size, 3), np.uint8))
    scene.boxes.write_text("1,1,1,1,1,1,1,1,1\n")
    refused(scene, "000000.png: expected frames of at least 12x12 pixels")


@pytest.mark.parametrize("flow", ["precomputed", "dis"])
def test_a_frame_alone_shows_no_motion(drawn, tmp_path, flow):
    scene = Scene(tmp_path).write(drawn.run, count=1)
    (scene.folder / "flow/0000/000000.npy").rename(scene.folder / "flow/0000/other.npy")
    result = scene.build("--flow", flow)
    assert result.exit_code == 0, result.output
    assert np.isnan(scene.read().read("flow", 0)).all()
    assert scene.share_found(0) > 0.9


def test_holes_in_maps_are_filled_from_around(scene):
    hole = np.zeros(scene.size, bool)
    hole[30:34, 60:68] = True  # in the disc
    hole[:9, :20] = True  # on the wall
    scene.map("depth", 1, np.where(hole, np.nan, scene.depth))
    scene.map("flow", 1, np.where(hole, np.nan, scene.flow))
    scene.map("flow", 2, np.where(hole, np.inf, scene.flow))
    result = scene.build()
    assert result.exit_code == 0, result.output
    depth, flow = (scene.read().read(name, slice(None)) for name in ("inverse_depth", "flow"))
    assert np.isfinite(depth).all()
    assert np.isfinite(flow).all()
    np.testing.assert_array_equal(depth[1], depth[0])
    np.testing.assert_array_equal(flow[1], flow[0])
    np.testing.assert_array_equal(flow[2], flow[0])
    assert scene.share_found(1) > 0.85  # the filled box: 0.79


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("depth", np.full((66, 130), np.nan, np.float32), ["000001.npy", "a depth somewhere"]),
        ("depth", np.zeros((66, 130), np.float32), ["000001.npy", "positive depth"]),
        ("depth", np.ones((66, 130), np.int32), ["000001.npy", "floating-point"]),
        ("depth", np.ones((60, 130), np.float32), ["000001.npy", "130x66"]),
        ("flow", np.ones((2, 60, 130), np.float32), ["000001.npy", "130x66"]),
        ("flow", np.ones((66, 130, 2), np.float32), ["000001.npy", "(2, height, width)"]),
    ],
    ids=["depth of NaN", "depth 0", "whole numbers", "depth's size", "flow's size", "flow's order"],
)
def test_bad_maps_are_refused(scene, kind, content, words):
    scene.map(kind, 1, content)
    refused(scene, *words)


def test_unknown_flow_is_unknown(scene):
    scene.map("flow", 1, np.full((2, *scene.size), np.nan, np.float32))
    assert scene.build().exit_code == 0
    assert np.isnan(scene.read().read("flow", 1)).all()
    assert np.isfinite(scene.read().read("flow", 0)).all()


def bomb(path, side=20_000):
    """A PNG of a few hundred bytes that says it has side x side pixels."""
    import struct
    import zlib

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data)


def test_a_picture_bomb_is_refused_before_it_is_decoded(scene):
    for side, found in ((9000, "9000x9000 = 81000000 (--max-pixels 81000000"), (20_000, "400000000 (--max-pixels")):
        bomb(scene.frame(0), side)
        refused(scene, "000000.png: expected a picture of at most 67108864 pixels", f"found {found}")


@pytest.mark.parametrize("kind", ["depth", "flow"])
def test_a_map_is_no_bomb_either(scene, kind):
    path = scene.folder / kind / "0000" / "000001"
    path.with_suffix(".npy").unlink()
    bomb(path.with_suffix(".png"))
    refused(scene, "000001.png: expected a picture of at most 67108864 pixels")


def test_the_limit_is_a_flag(scene, monkeypatch):
    monkeypatch.setenv("STC_MAX_PIXELS", "1000000")  # put back at the end
    assert scene.build("--max-pixels", 100).exit_code == 2
    assert scene.build("--max-pixels", 66 * 130).exit_code == 0
