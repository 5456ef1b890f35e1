"""What the compared supervisions share and where they differ: weights, images, true masks as labels, noise."""

import numpy as np
import pytest

from pipelines.ablations import supervision_stores
from stc_pseudo.evaluation.ground_truth import true_masks
from stc_pseudo.store.reader import StoreReader
from stc_track.formats.kitti_labels import read_labels
from stc_track.masks import rle

KINDS = ("ours", "boxinst", "condinst")


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
    objects = {obj.track_id: obj for obj in true_masks(root, name)[ours.numbers[0]]}
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
    moved = np.array([label.box for label in after]) - np.array([label.box for label in before])
    other = {a.track_id for a, b in zip(after, before, strict=True) if a.kind != b.kind}
    if noise == "loose":
        assert not other
        np.testing.assert_allclose(abs(moved).max(0), [8, 20, 8, 20], rtol=0.02)
        np.testing.assert_allclose(moved.mean(0), 0, atol=0.8)
    else:
        assert not moved.any()
        assert 3 <= len(other) <= 14
        assert all((a.kind != b.kind) == (a.track_id in other) for a, b in zip(after, before, strict=True))
