import base64
import re

import cv2
import numpy as np
import pytest

from pipelines.reporting import pictures
from pipelines.reporting.report import COLUMNS, Page, write_report
from pipelines.reporting.tables import Table

SIZE = (26, 43)


def test_the_page_holds_its_pictures_and_escapes_text(tmp_path):
    table = Table("Masks <1>", "note", ("class", "IoU"), [("car", "0.8"), ("a & b", "0.7")])
    picture = np.full((*SIZE, 3), 128, np.uint8)
    frames, commands = [("Frame 1", [picture] * len(COLUMNS))], ["stc-track p --out <r>"]
    write_report(tmp_path / "r.html", Page("A title", "An introduction", frames, [table], commands))
    page = (tmp_path / "r.html").read_text()
    images = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    assert len(images) == len(COLUMNS)
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(images[0]), np.uint8), cv2.IMREAD_COLOR)
    assert abs(int(decoded.mean()) - 128) < 3
    assert "Masks &lt;1&gt;" in page
    assert "a &amp; b" in page
    assert "http" not in page


def test_a_video_and_few_figures_come_before_the_tables(tmp_path):
    (tmp_path / "v.mp4").write_bytes(b"film")
    table = Table("Masks", "note", ("class", "IoU"), [("car", "0.8")])
    figures = [("0.72", "IoU > the box's")]
    write_report(tmp_path / "r.html", Page("T", "I", [], [table], [], figures, tmp_path / "v.mp4"))
    page = (tmp_path / "r.html").read_text()
    places = [
        page.index(piece) for piece in ("base64,ZmlsbQ==", "<b>0.72</b>IoU &gt; the box", "All figures", "<table>")
    ]
    assert places == sorted(places)


def test_a_table_as_text_is_aligned():
    lines = Table("T", "", ("class", "IoU"), [("pedestrian", "0.5")]).as_text().splitlines()
    assert lines[2:] == ["class       IoU", "pedestrian  0.5"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: pictures.depth_picture(np.random.default_rng(0).random((6, 10)).astype(np.float16), SIZE),
        lambda: pictures.flow_picture(np.random.default_rng(0).normal(size=(2, 6, 10)).astype(np.float16), SIZE),
    ],
    ids=["depth", "flow"],
)
def test_maps_become_pictures_of_the_frame_s_size(make):
    picture = make()
    assert picture.shape == (*SIZE, 3)
    assert picture.dtype == np.uint8


def test_an_overlay_tints_the_mask_alone():
    frame, mask = np.zeros((*SIZE, 3), np.uint8), np.zeros(SIZE, bool)
    mask[5:15, 5:25] = True
    picture = pictures.overlay(frame, [(3, mask)])
    assert picture[mask].any(axis=1).all()
    assert not picture[~mask].any()
    assert not frame.any()


def test_neighbouring_tracks_have_unlike_colours():
    colours = np.array([pictures.track_colour(k) for k in range(1001, 1009)], float)
    distances = np.abs(colours[:, None] - colours[None]).sum(-1)
    assert distances[~np.eye(len(colours), dtype=bool)].min() > 60
