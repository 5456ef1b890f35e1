"""The comparison of mask supervisions: the same weights and images for all, the measure, the noise, the figures."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from pipelines.ablations import mask_supervision, supervision_stores
from pipelines.accuracy.mask_ap import mask_ap
from stc_pseudo.evaluation.ground_truth import true_masks
from stc_pseudo.store.reader import StoreReader
from stc_track.formats.kitti_labels import read_labels
from stc_track.formats.mots import Detection, DetectionWriter, MotsObject, write_mots
from stc_track.io.errors import InputError
from stc_track.masks import rle

SIZE = (20, 40)
KINDS = ("ours", "boxinst", "condinst")


def square(left, side=10):
    mask = np.zeros(SIZE, bool)
    mask[5 : 5 + side, left : left + side] = True
    return mask


def write_case(folder, *found):
    """A car of 100 pixels, one of 25, a pedestrian of 100; `found` are (mask, class, score)."""
    write_mots(
        folder / "truth" / "0000.txt",
        [
            MotsObject(0, track, track // 1000, *SIZE, rle.encode(mask))
            for track, mask in ((1001, square(0)), (1002, square(30, 5)), (2001, square(15)))
        ],
    )
    (folder / "found").mkdir()
    with DetectionWriter(folder / "found" / "0000.txt") as writer:
        for mask, class_id, score in found:
            writer.write(Detection(0, (0, 0, 10, 10), score, class_id, *SIZE, rle.encode(mask)))
    return mask_ap(folder / "found", folder / "truth", ["0000"], 50)


def test_perfect_masks(tmp_path):
    report = write_case(tmp_path, (square(0), 1, 0.9), (square(30, 5), 1, 0.8), (square(15), 2, 0.9))
    for area in ("all", "large"):
        assert report[area]["mean"] == pytest.approx({"AP": 100, "AP50": 100, "AP75": 100})


def test_small_objects_count_only_among_all(tmp_path):
    report = write_case(tmp_path, (square(0), 1, 0.9), (square(15), 2, 0.9))
    assert report["large"]["car"]["AP"] == pytest.approx(100)
    assert report["all"]["car"]["AP"] == pytest.approx(100 * 51 / 101)  # recall 0.5 of COCO's 101 points
    assert report["all"]["mean"]["AP"] == pytest.approx((100 * 51 / 101 + 100) / 2)


def test_a_mask_of_iou_two_thirds(tmp_path):
    half = square(0)
    half[5:15, 8:10] = False
    half[5:8, :8] = False  # 56 of 100 pixels
    report = write_case(tmp_path, (half, 1, 0.9), (square(15), 1, 0.5))
    assert report["large"]["car"] == pytest.approx({"AP": 20, "AP50": 100, "AP75": 0})  # at 0.5 and 0.55
    assert report["large"]["pedestrian"]["AP"] == 0


def test_no_detections(tmp_path):
    assert write_case(tmp_path)["all"]["mean"]["AP50"] == 0


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    from stc_train.engine.train import load_config

    folder = tmp_path_factory.mktemp("configs")
    return {
        kind: load_config(str(supervision_stores.write_config(folder / f"{kind}.py", kind, 1 / 9))) for kind in KINDS
    }


def test_same_weights_for_all(configs):
    import stc_train.registry  # noqa: F401, I001
    import torch
    from mmdet.registry import MODELS
    from mmdet.utils import register_all_modules

    register_all_modules(init_default_scope=True)
    from stc_train.engine.complete_config import shorten

    states = []
    for config in configs.values():
        torch.manual_seed(3)
        network = MODELS.build(config.model)
        network.init_weights()
        states.append(network.state_dict())
    for state in states[1:]:
        assert state.keys() == states[0].keys()
        assert all(torch.equal(state[key], states[0][key]) for key in state)
    shorten(configs["boxinst"], 90)
    assert configs["boxinst"].model.mask_head.warmup_iters == 10


def test_same_images_for_all(configs, drawn_store):
    from mmdet.registry import DATASETS

    from stc_train.data.sampler import Sample
    from stc_train.engine.complete_config import complete_config

    pictures, samples = [], []
    for config in configs.values():
        complete_config(config, str(drawn_store[1]), None, None)
        dataset = DATASETS.build(config.train_dataloader.dataset)
        items = [dataset[Sample(number % 2, 5, number)] for number in range(4)]
        pictures.append([item["inputs"].numpy() for item in items])
        samples.append([item["data_samples"] for item in items])
    for kind in (1, 2):
        for ours, theirs in zip(pictures[0], pictures[kind], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert len({sample.flip for sample in samples[0]}) == 2
    assert "masks" in samples[2][0].gt_instances
    assert "masks" not in samples[1][0].gt_instances


def test_store_of_true_masks(drawn_store, tmp_path):
    root, url = drawn_store
    source = StoreReader(str(url))
    for _ in range(2):  # again: nothing to do
        supervision_stores.write_true_store(source, root, tmp_path / "true")
    (name,) = source.sequences
    ours, theirs = StoreReader(str(tmp_path / "true")).sequence(name), source.sequence(name)
    np.testing.assert_array_equal(ours.read("inverse_depth", 0), theirs.read("inverse_depth", 0))
    objects = {each.track_id: each for each in true_masks(root, name)[ours.numbers[0]]}
    drawn, boxes = ours.read("objects", 0), ours.boxes_at(0)
    for k, track in enumerate(boxes.track_ids.tolist(), 1):
        np.testing.assert_array_equal(drawn == k, rle.decode(objects[track].counts, *ours.size))


def labels(path):
    path.write_text(
        "".join(
            f"{frame} {track} {kind} 0 0 0 100 50 140 150 1 1 1 1 1 1 1\n"
            for frame in range(20)
            for track, kind in enumerate(["Car", "Pedestrian"] * 20)
        )
    )
    return read_labels(path)


@pytest.mark.parametrize("noise", ["loose", "wrong"])
def test_noise(tmp_path, noise):
    before = labels(tmp_path / "clean.txt")
    (tmp_path / "noisy.txt").write_text(
        "\n".join(supervision_stores.noisy_lines(tmp_path / "clean.txt", (400, 400), noise, np.random.default_rng(0)))
    )
    after = read_labels(tmp_path / "noisy.txt")
    moved = np.array([each.box for each in after]) - np.array([each.box for each in before])
    other = {a.track_id for a, b in zip(after, before, strict=True) if a.kind != b.kind}
    if noise == "loose":
        assert not other
        np.testing.assert_allclose(abs(moved).max(0), [8, 20, 8, 20], rtol=0.02)
        np.testing.assert_allclose(moved.mean(0), 0, atol=0.8)
    else:
        assert not moved.any()
        assert 3 <= len(other) <= 14
        assert all((a.kind != b.kind) == (a.track_id in other) for a, b in zip(after, before, strict=True))


def figures(value):
    return {
        area: {name: dict.fromkeys(("AP", "AP50", "AP75"), value) for name in ("car", "mean")}
        for area in ("all", "large")
    }


def test_bars_compare_the_seeds_that_both_have():
    rows = mask_supervision.comparisons(
        {
            "puzzle": {0: figures(20.0), 1: figures(24.0), 2: figures(90.0)},
            "boxinst": {0: figures(18.0), 1: figures(20.0)},
            "supervised": {1: figures(25.0)},
        }
    )
    value = {row["what"]: (row["seeds"], row["value"], row["reached"]) for row in rows if row["objects"] == "all"}
    assert value == {
        f"{mask_supervision.ABOVE_BOXINST[0]} (boxinst)": ([0, 1], pytest.approx(3), True),
        f"{mask_supervision.OF_SUPERVISED[0]} (supervised)": ([1], pytest.approx(0.96), False),
    }


def test_another_setting_wants_another_folder(tmp_path):
    mask_supervision.Experiment(tmp_path, mask_supervision.Settings(31, 2, 1, 2, 5, 2), 1)
    with pytest.raises(InputError, match="choose another --out"):
        mask_supervision.Experiment(tmp_path, mask_supervision.Settings(31, 2, 1, 2, 6, 2), 1)


def test_unknown_arm(tmp_path):
    result = CliRunner().invoke(mask_supervision.main, ["--out", str(tmp_path), "--only", "puzzle,guess"])
    assert result.exit_code == 2
    assert "guess" in result.output


@pytest.mark.slow
def test_end_to_end(tmp_path):
    flags = [
        "--out",
        str(tmp_path),
        "--scene-seed",
        "33",
        "--train-scenes",
        "2",
        "--test-scenes",
        "1",
        "--frames",
        "2",
        "--steps",
        "3",
        "--seeds",
        "0",
        "--boxes",
    ]
    result = CliRunner().invoke(mask_supervision.main, flags, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert list(report["ap"]) == list(mask_supervision.DEFAULT_VARIANTS)
    assert report["boxes"]["puzzle"]["0"]["all"]["objects"] > 0


def test_seeds_are_numbers():
    from stc_track.io.errors import InputError

    assert mask_supervision.whole_numbers("--seeds", "0,12") == [0, 12]
    with pytest.raises(InputError, match="--seeds: expected whole numbers"):
        mask_supervision.whole_numbers("--seeds", "0,")
