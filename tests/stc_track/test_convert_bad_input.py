"""`stc-convert` on files that are not what they say, and on what a format cannot hold: messages that say where."""

import errno
import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from stc_track.commands.convert import main
from stc_track.formats.mots import MotsObject, iter_mots, write_mots
from stc_track.io.errors import InputError, require_folder
from stc_track.io.files import replacing
from stc_track.masks import rle

SIZE = 20, 30


def drawn(frame, track_id, class_id):
    return MotsObject(frame, track_id, class_id, *SIZE, rle.encode(np.arange(600).reshape(SIZE) % 7 < 3))


@pytest.fixture
def folder(tmp_path):
    write_mots(tmp_path / "in" / "0007.txt", [drawn(1, 1001, 1)])
    return tmp_path


def refused(source, kind, out, *options):
    done = CliRunner().invoke(main, [str(source), "--to", kind, "--out", str(out), *options])
    assert done.exit_code == 2, done.output or done.exception
    return done.output


def corrupt_png(folder, picture):
    (folder / "png" / "0001").mkdir(parents=True)
    picture.save(folder / "png" / "0001" / "000000.png")


def no_png(folder, content):
    (folder / "png" / "0001").mkdir(parents=True)
    (folder / "png" / "0001" / "000000.png").write_bytes(content)


def two_sizes(folder):
    corrupt_png(folder, Image.fromarray(np.zeros((4, 5), np.uint16)))
    Image.fromarray(np.zeros((4, 6), np.uint16)).save(folder / "png" / "0001" / "000001.png")


def truncated(folder):
    corrupt_png(folder, Image.fromarray(np.arange(4000, dtype=np.uint16).reshape(50, 80)))
    path = folder / "png" / "0001" / "000000.png"
    path.write_bytes(path.read_bytes()[:-60])


@pytest.mark.parametrize(
    ("corrupt", "message"),
    [
        pytest.param(
            lambda f: corrupt_png(f, Image.new("RGB", (5, 4))),
            "000000.png: expected a 16-bit grey PNG, found one of mode RGB",
            id="RGB",
        ),
        pytest.param(
            lambda f: corrupt_png(f, Image.fromarray(np.arange(240, dtype=np.uint8).reshape(12, 20))),
            "000000.png: expected masks of at most 200 objects, found a picture of 239 values",
            id="many values",
        ),
        pytest.param(
            lambda f: corrupt_png(f, Image.fromarray(np.full((4, 5), 7, np.uint16))),
            "expected pixels of class * 1000 + k",
            id="no class in it",
        ),
        pytest.param(
            lambda f: no_png(f, b"\x89PNG\r\n\x1a\n"),
            "000000.png: expected a 16-bit grey PNG, found",
            id="header alone",
        ),
        pytest.param(lambda f: no_png(f, b""), "000000.png: expected a 16-bit grey PNG, found", id="empty"),
        pytest.param(truncated, "000000.png: expected a 16-bit grey PNG, found", id="truncated"),
        pytest.param(
            two_sizes, "000001.png: expected 4 x 5 pixels as in the pictures before, found 4 x 6", id="two sizes"
        ),
    ],
)
def test_bad_pictures(tmp_path, corrupt, message):
    corrupt(tmp_path)
    assert message in refused(tmp_path / "png", "mots", tmp_path / "out")
    assert not list(tmp_path.glob("out/*"))


def test_badly_named_pictures(tmp_path):
    corrupt_png(tmp_path, Image.fromarray(np.zeros((4, 5), np.uint16)))
    shutil.copy(tmp_path / "png" / "0001" / "000000.png", tmp_path / "png" / "0001" / "0.png")
    assert "expected one picture a number, found 0.png as well" in refused(tmp_path / "png", "mots", tmp_path / "out")
    (tmp_path / "png" / "0001" / "0.png").rename(tmp_path / "png" / "0001" / "first.png")
    assert "expected a picture named by its number" in refused(tmp_path / "png", "mots", tmp_path / "out")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("1,1,1,1,4", "0001.txt:2: expected at least 6 columns", id="few columns"),
        pytest.param("1,1,nan,1,4,5", "0001.txt:2: expected x, a finite number, found 'nan'", id="nan"),
        pytest.param(
            "0,1,1,1,4,5", "0001.txt:2: expected a frame, a whole number of at least 1, found '0'", id="frame 0"
        ),
        pytest.param(
            "1,1,1,1,0,5", "0001.txt:2: expected a box of positive width and height, found 0 5", id="thin box"
        ),
        pytest.param("1,-2,1,1,4,5", "0001.txt:2: expected an id, a whole number of at least -1", id="negative id"),
        pytest.param("1,1.5,1,1,4,5", "0001.txt:2: expected an id, a whole number of at least -1", id="fractional id"),
        pytest.param("1,1,1,1,4,5,high", "0001.txt:2: expected a score, a finite number", id="score as word"),
        pytest.param(
            "1,7,1,1,4,5", "0001.txt: frame 1: expected each id once, found id 7 a second time", id="id twice"
        ),
        pytest.param("1,-1,1,1,4,5", "0001.txt: frame 1: expected objects with a track", id="no track"),
    ],
)
def test_bad_boxes(tmp_path, line, message):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "0001.txt").write_text(f"1,7,1,1,4,5,0.5\n{line}\n")
    assert message in refused(tmp_path / "in", "mots", tmp_path / "out", "--frame-size", "20x30")


COCO = {
    "images": [{"id": 1, "file_name": "a/0003.png", "height": 2, "width": 2}],
    "categories": [{"id": 1, "name": "car"}, {"id": 10, "name": "owl"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "track_id": 5, "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]}
    ],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda c: c["images"][0].update(file_name="../0003.png"),
            "image 0: expected sequence, a plain name",
            id="path upwards",
        ),
        pytest.param(
            lambda c: c["images"][0].update(sequence="a/../.."),
            "image 0: expected sequence, a plain name",
            id="sequence upwards",
        ),
        pytest.param(
            lambda c: c["images"][0].update(file_name="a/x.png"),
            "image 0: expected frame, a whole number",
            id="no frame number",
        ),
        pytest.param(
            lambda c: c["images"].append(c["images"][0]), "image 1: expected an id of its own", id="image twice"
        ),
        pytest.param(
            lambda c: c["annotations"][0].update(image_id=2),
            "annotation 0: expected an image_id of images, found 2",
            id="unknown image",
        ),
        pytest.param(
            lambda c: c["annotations"][0].update(category_id=2),
            "annotation 0: expected a category_id of categories",
            id="unknown category",
        ),
        pytest.param(
            lambda c: c["annotations"][0].pop("track_id"),
            "annotation 0: expected track_id, a whole number",
            id="no track",
        ),
        pytest.param(
            lambda c: c["annotations"][0].update(category_id=10),
            "a: expected no class 10, which MOTS keeps",
            id="class 10",
        ),
        pytest.param(
            lambda c: c["annotations"][0].update(segmentation=[[0, 0, 1]]),
            "annotation 0: expected segmentation, polygons",
            id="short polygon",
        ),
        pytest.param(
            lambda c: c["annotations"][0].update(segmentation=[[0, 0, 1e8, 0, 1, 1]]),
            "expected a polygon near the frame",
            id="far polygon",
        ),
        pytest.param(
            lambda c: c["annotations"][0].update(segmentation=[]),
            "expected segmentation, at least one polygon, found none",
            id="no polygon",
        ),
        pytest.param(lambda c: c.pop("images"), "expected images, a JSON list, found a NoneType", id="no images"),
    ],
)
def test_bad_coco(tmp_path, change, message):
    content = json.loads(json.dumps(COCO))
    (tmp_path / "in.json").write_text(json.dumps(content))
    good = CliRunner().invoke(main, [str(tmp_path / "in.json"), "--to", "mots", "--out", str(tmp_path / "good")])
    assert good.exit_code == 0, good.output
    assert next(iter_mots(tmp_path / "good" / "a.txt")).frame == 3
    change(content)
    (tmp_path / "in.json").write_text(json.dumps(content))
    assert message in refused(tmp_path / "in.json", "mots", tmp_path / "out")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ("in", "coco", "out"), "out: expected a file .json, for coco, found another name", id="no file .json"
        ),
        pytest.param(
            ("in", "mots", "in"), "in: expected a folder other than SOURCE, found the same", id="onto the source"
        ),
        pytest.param(
            ("in", "mots", "in/0007.txt"), "0007.txt: expected a folder, found a file", id="file of the source"
        ),
        pytest.param(
            ("nowhere", "mots", "out"),
            "nowhere: expected a folder of files {sequence}.txt or {sequence}.json",
            id="missing source",
        ),
        pytest.param(
            ("in", "png", "out", "--shift", "-2"),
            "0007.txt: frame 1: expected frames of 0 to 999999999 after the shift, found -1",
            id="negative frames",
        ),
        pytest.param(
            ("in", "png", "out", "--sequences", "../in"), "expected ../in.txt, found none", id="missing sequence"
        ),
        pytest.param(
            ("in", "png", "out", "--frames", "in"),
            "expected frames of sequence 0007 in 0007/, 0007/img1/ or",
            id="missing frames",
        ),
        pytest.param(("in", "png", "out", "--frame-size", "7"), "no size such as 375x1242", id="frame size"),
    ],
)
def test_bad_arguments(folder, arguments, message):
    source, kind, out, *options = arguments
    options = [str(folder / option) if option == "in" else option for option in options]
    assert message in refused(folder / source, kind, folder / out, *options)


@pytest.mark.parametrize("kind", ["png", "cvat", "ytvis", "ytvis-results"])
def test_a_frame_of_a_wild_number(tmp_path, kind):
    """One wrong digit does not fill the disk with empty frames."""
    write_mots(tmp_path / "in" / "0000.txt", [drawn(0, 1001, 1), drawn(999_999_999, 1001, 1)])
    out = tmp_path / ("out.json" if kind.startswith("ytvis") else "out")
    message = refused(tmp_path / "in", kind, out)
    assert "0000: expected frames below 100000 where nobody lists them, found frame 999999999" in message
    assert not list(tmp_path.glob("out*/*"))


def test_ids_that_16_bits_do_not_hold(tmp_path):
    write_mots(tmp_path / "in" / "0000.txt", [drawn(0, 70_001, 70)])
    message = refused(tmp_path / "in", "png", tmp_path / "out")
    assert "0000: frame 0: expected ids of class * 1000 + k, at most 65535, for pixels of 16 bits, found 70" in message
    many = [drawn(t, k, 1) for t, k in enumerate(range(1, 1002))]
    write_mots(tmp_path / "many" / "0000.txt", many)
    message = refused(tmp_path / "many", "png", tmp_path / "out")
    assert "0000: frame 1000: expected ids of class * 1000 + k, at most 65535" in message
    assert "999 tracks of each" in message
    assert not list(tmp_path.glob("out/*"))


def test_a_picture_names_no_class_0(tmp_path):
    """Its tracks would read as another class's."""
    write_mots(tmp_path / "in" / "0000.txt", [drawn(0, 1001, 0)])
    assert "found 1001 of class 0" in refused(tmp_path / "in", "png", tmp_path / "out")


def test_numbers_that_no_reader_takes_are_not_written(tmp_path):
    write_mots(tmp_path / "in" / "0000.txt", [drawn(0, 1001, 1)])
    message = refused(tmp_path / "in", "mots", tmp_path / "out", "--classes", "1=999999999")
    assert "0000: expected ids of class * 1000 + k, at most 999999999, found 999999999001 of class 999999999" in message
    assert "found 999999999999" in refused(tmp_path / "in", "mots", tmp_path / "out", "--shift", "999999999999")


def test_frames_are_not_replaced_by_labels(folder):
    (folder / "frames" / "0007").mkdir(parents=True)
    picture = folder / "frames" / "0007" / "000001.png"
    Image.new("RGB", SIZE[::-1]).save(picture)
    before = picture.read_bytes()
    message = refused(folder / "in", "png", folder / "frames", "--frames", str(folder / "frames"))
    assert "000001.png: expected no file, or a 16-bit grey PNG of an earlier run, found another picture" in message
    assert picture.read_bytes() == before


def test_what_is_read_is_not_overwritten(folder):
    out = folder / "truth.json"
    CliRunner().invoke(main, [str(folder / "in"), "--to", "ytvis", "--out", str(out)], catch_exceptions=False)
    before = out.read_bytes()
    message = refused(folder / "in", "ytvis-results", out, "--annotations", str(out))
    assert "truth.json: expected a file other than --annotations, found the same" in message
    assert out.read_bytes() == before
    message = refused(folder / "in", "coco", folder / "in" / "0007.json")
    assert "0007.json: expected a file outside SOURCE, whose files are sequences, found one in it" in message


@pytest.mark.parametrize("kind", ["mots", "png", "coco"])
@pytest.mark.parametrize("place", ["file/out", "x" * 300, "folder.json"], ids=["below a file", "long name", "a folder"])
def test_places_that_cannot_be_written_to(folder, kind, place):
    (folder / "file").write_text("")
    (folder / "folder.json" / "0007.txt").mkdir(parents=True)  # a folder where the file is to be
    (folder / "folder.json" / "0007").write_text("")
    out = folder / (f"{place.removesuffix('.json')}.json" if kind == "coco" else place)
    message = refused(folder / "in", kind, out)
    assert len(message.splitlines()) == 1
    assert "expected a" in message
    assert not list(folder.rglob(".*"))


def test_a_full_disk(folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("stc_track.formats.mots_png._write", full)
    message = refused(folder / "in", "png", folder / "out")
    assert "0007: expected a place that can be written to, found No space left on device" in message
    assert not list(folder.glob("out/.*"))
    with pytest.raises(InputError, match="No space left"), replacing(folder / "file"):
        full()
    assert not list(folder.glob("*file*"))


def test_what_may_not_be_read(folder, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, _: "0007.txt" not in str(path))
    assert "0007.txt: expected a text file, found a file that may not be read" in refused(
        folder / "in", "mots", folder / "out"
    )
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(InputError, match="found one that may not be read"):
        require_folder(folder / "in", "files")


def test_a_place_without_a_name_is_not_the_current_folder(folder, monkeypatch):
    monkeypatch.chdir(folder / "in")
    assert "a path without a name" in refused(folder / "in", "coco", "")
    assert "a path without a name" in refused("", "mots", folder / "out")


@pytest.mark.parametrize("names", ["", " , "], ids=["empty", "blank"])
def test_no_sequence_is_named(folder, names):
    assert "names no sequence" in refused(folder / "in", "mots", folder / "out", "--sequences", names)
