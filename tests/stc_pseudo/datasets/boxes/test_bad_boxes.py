"""Files of boxes that are refused, whatever their format."""

import pytest

from stc_track.io.errors import InputError
from tests.stc_pseudo.datasets.boxes.conftest import box, cvat, read

LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "haha">'
    + "".join(f'<!ENTITY {chr(98 + k)} "{f"&{chr(97 + k)};" * 10}">' for k in range(9))
    + "]><annotations>&j;</annotations>"
)
LEAK = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/hostname">]><annotations>&a;</annotations>'


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", "1,7,11,21,30\n", r"a\.txt:1: expected at least 6 columns"),
        ("a.txt", "1,7,11,21,30,20\n0,7,11,21,30,20\n", r"a\.txt:2: expected a frame, a whole number of at least 1"),
        (
            "a.txt",
            "11,7,11,21,30,20\n",
            r"a\.txt:1: expected a frame of the 10 there are, found the one at position 10",
        ),
        ("a.txt", "1,7,11,nan,30,20\n", r"a\.txt:1: expected y, a finite number, found 'nan'"),
        ("a.txt", "1,7,11,21,30,0\n", r"a\.txt:1: expected a box of positive width and height, found 30 0"),
        (
            "a.txt",
            "1,7,11,21,30,20\n1,7,1,2,3,4\n",
            r"a\.txt:2: expected a track once on a frame, found 7 a second time",
        ),
        ("a.txt", "", "at least one box of 'clip', found none"),
        ("a.txt", "1,7,11,21,30,20,0,1,1\n", "at least one box"),
        ("a.txt", "hello", "boxes in COCO JSON, MOT-Challenge or MOTS text, or CVAT XML"),
        ("a.json", "[1, 2]", "found a list, as of results .put it under `annotations`"),
        ("a.json", '{"images": [', "COCO annotation JSON"),
        ("a.json", '{"images": [], "categories": []}', "annotations, a JSON list"),
        ("a.xml", "<annotations><version>1.1</version>", r"a\.xml: expected CVAT's XML"),
        ("a.xml", "<html></html>", "<annotations> with tracks or images"),
        ("a.xml", LAUGHS, "without a document type declaration"),
        ("a.xml", LEAK, "without a document type declaration"),
        (
            "a.xml",
            cvat(f'<track id="0" label="cow">{box(0, 1)}</track>'),
            "track 0: .* a label of car, dog, found 'cow'",
        ),
        (
            "a.xml",
            cvat(f'<track id="0" label="car">{box(0, 1)}{box(0, 2)}</track>'),
            "track 0, frame 0: .*a second one",
        ),
        (
            "a.xml",
            cvat(f'<track id="0" label="car">{box(0, 1).replace("10.00", "inf")}</track>'),
            "ytl, a finite number",
        ),
        ("a.xml", cvat(f'<track id="0" label="car">{box(0, 1).replace("10.00", "30")}</track>'), "ytl < ybr"),
        (
            "a.xml",
            cvat(f'<track id="0" label="car">{box(10**8, 1)}</track>'),
            "frame 100000000: expected frames 0 to 9",
        ),
        ("a.xml", "<?xml version='1.0' encoding='utf-99'?><annotations/>", "found unknown encoding: utf-99"),
        (
            "a.xml",
            cvat(f'<track id="0" label="car">{box("x", 1)}</track>'),
            "frame, a whole number of at least 0, found 'x'",
        ),
        ("a.xml", cvat("", size=(50, 30)), "frames' 100x60 pixels, found 50x30"),
        (
            "a.xml",
            cvat(f'<image name="9.jpg" width="100" height="60">{box(0, 1, label="car")}</image>'),
            "a frame of clip",
        ),
    ],
    ids=[
        "short line",
        "frame 0",
        "frame beyond",
        "NaN",
        "no area",
        "track twice",
        "empty",
        "nothing counts",
        "text",
        "list",
        "half JSON",
        "no annotations",
        "half XML",
        "HTML",
        "entities",
        "outer entity",
        "unknown label",
        "box twice",
        "infinite",
        "corners",
        "CVAT frame beyond",
        "encoding",
        "CVAT frame",
        "CVAT size",
        "CVAT name",
    ],
)
def test_what_is_wrong_is_named(tmp_path, name, content, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path / name, content)
