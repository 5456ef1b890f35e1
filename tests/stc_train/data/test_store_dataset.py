"""From the store to the network's inputs: boxes, masks and edges stay aligned with the image."""

import pickle

import numpy as np
import pytest
import torch

from stc_track.io.errors import InputError

LOAD = [{"type": "stc_train.LoadFrame"}, {"type": "LoadAnnotations", "with_bbox": True}]
CASES = {
    "as it is": [],
    "smaller": [{"type": "Resize", "scale": (81, 49), "keep_ratio": False}],
    "larger, stretched": [{"type": "Resize", "scale": (300, 150), "keep_ratio": False}],
    "mirrored": [{"type": "RandomFlip", "prob": 1.0}],
    "upside down": [{"type": "RandomFlip", "prob": 1.0, "direction": "vertical"}],
    "mirrored, then smaller": [
        {"type": "RandomFlip", "prob": 1.0},
        {"type": "Resize", "scale": (120, 80), "keep_ratio": False},
    ],
    "smaller, then mirrored": [
        {"type": "Resize", "scale": (120, 80), "keep_ratio": False},
        {"type": "RandomFlip", "prob": 1.0},
    ],
    "cropped": [{"type": "RandomCrop", "crop_size": (90, 150)}],
}


def build(store, steps=(), edges=False, **settings):
    from mmdet.utils import register_all_modules

    from stc_train.registry import DATASETS

    register_all_modules(init_default_scope=True)
    pipeline = [
        *LOAD,
        {"type": "stc_train.LoadPseudoLabels", "edges": edges},
        *steps,
        {"type": "stc_train.PackPseudoLabels", "stride": 4},
    ]
    return DATASETS.build({"type": "stc_train.StoreDataset", "store": str(store), "pipeline": pipeline, **settings})


def test_frames_with_boxes_are_listed(drawn_store, drawn_video):
    dataset = build(drawn_store)
    assert [entry["img_id"] for entry in (dataset.get_data_info(k) for k in range(len(dataset)))] == [
        f"0003/{t:06d}" for t in (0, 1, 3, 4, 5)
    ]
    assert dataset.metainfo["classes"] == ("car", "pedestrian")
    assert len(build(drawn_store, root=str(drawn_video))) == 5
    copy = pickle.loads(pickle.dumps(dataset))  # as a loader's worker gets it
    torch.testing.assert_close(*(pair[1]["data_samples"].gt_instances.pieces for pair in (copy, dataset)))


@pytest.mark.parametrize("steps", CASES.values(), ids=CASES)
def test_boxes_and_masks_lie_on_the_drawn_objects(drawn_store, steps):
    np.random.seed(0)  # noqa: NPY002 (MMDetection draws crops from it)
    item = build(drawn_store, steps)[3]
    image, sample = item["inputs"], item["data_samples"]
    instances = sample.gt_instances
    assert instances.labels.tolist() == [0, 1]
    assert image.shape[1:] == sample.img_shape
    height, width = instances.pieces.shape[1:]
    assert (height, width) == tuple(-(-size // 4) for size in sample.img_shape)
    # The drawn objects are told by colour: blue is the car, red the pedestrian.
    red, _, blue = image.float()
    colours = torch.stack([blue > red + 60, red > blue + 60]).float()
    shares = torch.nn.functional.avg_pool2d(
        torch.nn.functional.pad(colours, (0, -colours.shape[2] % 4, 0, -colours.shape[1] % 4)), 4
    )
    pieces = instances.pieces.float() / 255
    # Within the covered cells; the last partial row and column of cells repeat their neighbours. A frame whose size is
    # no multiple of a cell, mirrored, puts each cell between two.
    shares, pieces = shares[..., :-1, :-1], pieces[..., :-1, :-1]
    assert (torch.minimum(shares, pieces).sum((1, 2)) / torch.maximum(shares, pieces).sum((1, 2)) > 0.75).all()
    for axis in (1, 2):
        position = torch.arange(shares.shape[axis]) + 0.5
        middle = [(maps.sum(3 - axis) * position).sum(1) / maps.sum((1, 2)) for maps in (shares, pieces)]
        torch.testing.assert_close(*middle, atol=0.15, rtol=0)
        torch.testing.assert_close(middle[0] * 4, instances.centers[:, 2 - axis], atol=4.0, rtol=0)  # with the last row
    for colour, box in zip(colours, instances.bboxes.tensor.tolist(), strict=True):
        rows, columns = colour.any(1).nonzero().flatten(), colour.any(0).nonzero().flatten()
        drawn = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        np.testing.assert_allclose(box, drawn, atol=2.1)  # a blurred border may lose a pixel or two


def test_ignore_regions_are_set_apart(drawn_store):
    sample = build(drawn_store, CASES["mirrored"])[0]["data_samples"]
    assert sample.ignored_instances.bboxes.tensor.tolist() == [[142, 0, 162, 12]]
    assert len(sample.gt_instances) == 2


DRAWN = """
1 1 1 1 1 1
1 1 5 5 1 1
1 5 5 5 1 9
1 5 5 1 9 9
1 1 1 1 9 9
"""


@pytest.mark.parametrize("direction", ["horizontal", "vertical", "diagonal"])
def test_a_flip_mirrors_the_eight_directions(direction):
    """The edges of a mirrored map are what the transform makes of the map's edges."""
    from stc_pseudo.signal.similarity import edge_similarity
    from stc_train.registry import TRANSFORMS

    drawn = torch.tensor([[float(cell) for cell in line.split()] for line in DRAWN.split("\n") if line])
    axes = {"horizontal": (1,), "vertical": (0,), "diagonal": (0, 1)}[direction]
    edges, mirrored = (
        torch.from_numpy(edge_similarity(cells[None, None].numpy(), layers=1, dilation=1, factor=0.5)[0]) > 0.5
        for cells in (drawn, drawn.flip(axes))
    )
    assert (edges != edges.flip([axis + 1 for axis in axes])).any()  # flipping the maps alone would not do

    from mmdet.structures.bbox import HorizontalBoxes

    height, width = drawn.shape
    results = {
        "img": np.zeros((4 * height, 4 * width, 3), np.uint8),
        "img_shape": (4 * height, 4 * width),
        "gt_bboxes": HorizontalBoxes(torch.tensor([[0.0, 0.0, 8.0, 8.0]])),
        "gt_ignore_flags": np.zeros(1, bool),
        "gt_bboxes_labels": np.zeros(1, int),
        "gt_instances_ids": np.ones(1, int),
        "stored_boxes": np.array([[0.0, 0.0, 8.0, 8.0]]),
        "instances_map": np.zeros((height, width), np.uint16),
        "coverage": np.zeros((height, width), np.uint8),
        "edges": edges.numpy(),
    }
    for step in (
        {"type": "mmdet.RandomFlip", "prob": 1.0, "direction": direction},
        {"type": "stc_train.PackPseudoLabels"},
    ):
        results = TRANSFORMS.build(step)(results)
    torch.testing.assert_close(results["data_samples"].edges, mirrored)


def test_edges_are_kept_by_their_thresholds_and_not_blurred(drawn_store):
    at_size, half = (build(drawn_store, steps, edges=True)[0]["data_samples"].edges for steps in ([], CASES["smaller"]))
    assert at_size.shape == (8, 25, 41)
    assert (~at_size).nonzero().tolist() == [[4, 10, 5]]  # depth 60 < 0.3 * 255 there, 200 elsewhere
    assert half.dtype == torch.bool
    assert half[[0, 1, 2, 3, 5, 6, 7]].all()


def test_other_geometry_is_refused(drawn_store):
    with pytest.raises(InputError, match="found a transform that turns or shears"):
        build(drawn_store, [{"type": "Rotate", "prob": 1.0, "level": 10}])[0]


@pytest.mark.parametrize(
    "step",
    [
        {"type": "Expand", "prob": 1.0, "ratio_range": (2, 3)},
        {"type": "MinIoURandomCrop", "min_ious": (0.9,), "min_crop_size": 0.5},
        {"type": "RandomShift", "prob": 1.0, "max_shift_px": 30, "filter_thr_px": 1},
    ],
    ids=lambda step: step["type"],
)
def test_geometry_that_is_not_noted_is_refused(drawn_store, step):
    np.random.seed(1)  # noqa: NPY002
    dataset = build(drawn_store, [step])
    with pytest.raises(InputError, match=r"boxes elsewhere than the transforms noted.*take them out"):
        [dataset[0] for _ in range(8)]  # MinIoURandomCrop leaves some frames as they are


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"sequences": ["0009"]}, "expected sequence '0009', found only 0003", id="unknown sequence"),
        pytest.param(
            {"root": "/nowhere"},
            "/nowhere/training/image_02/0003/000000.png: expected a frame of the store",
            id="missing frames",
        ),
    ],
)
def test_what_is_missing_is_named(drawn_store, settings, message):
    with pytest.raises(InputError, match=message):
        build(drawn_store, **settings)


def test_frames_may_lie_in_a_bucket(drawn_store, drawn_video, bucket):
    from stc_track.io.location import Location

    place = Location(f"{bucket}/moved", writable=True)
    frames = sorted((drawn_video / "training/image_02/0003").iterdir())
    place.put_many({f"image_02/0003/{path.name}": path.read_bytes() for path in frames})
    local, remote = build(drawn_store), build(drawn_store, root=place.url)
    assert remote.get_data_info(1)["img_path"].startswith(f"{bucket}/moved/image_02/0003/")
    assert torch.equal(remote[1]["inputs"], local[1]["inputs"])
    place.delete([f"image_02/0003/{frames[1].name}"])
    with pytest.raises(InputError, match="expected a frame of the store, found no file"):
        build(drawn_store, root=place.url)
