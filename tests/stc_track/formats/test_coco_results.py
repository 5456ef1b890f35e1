"""COCO result lists: what holds nothing is read, what is half of something is told."""

from pathlib import Path

import numpy as np
import pytest

from stc_track.formats.coco_results import parse_coco_results
from stc_track.io.errors import InputError
from stc_track.masks import rle


def test_an_empty_mask_may_have_a_box_of_no_area():
    empty = {"size": [4, 6], "counts": rle.encode(np.zeros((4, 6), bool)).decode()}
    result = {"image_id": 2, "category_id": 1, "score": 0.5, "segmentation": empty, "bbox": [0, 0, 0, 0]}
    (found,) = parse_coco_results([result], Path("a.json"))
    assert found.frame == 2
    assert rle.area(found.counts, 4, 6) == 0
    drawn = {**empty, "counts": rle.encode(np.ones((4, 6), bool)).decode()}
    with pytest.raises(InputError, match="positive width and height"):
        parse_coco_results([{**result, "segmentation": drawn}], Path("a.json"))
    with pytest.raises(InputError, match="positive width and height"):
        parse_coco_results([{**result, "bbox": [0, 0, 0, 3]}], Path("a.json"))
