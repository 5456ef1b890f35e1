"""Every tensor of a batch goes to pinned memory, and nothing else changes."""

import numpy as np
import pytest
import torch
from mmengine.config import Config

from stc_train.data.pinning import collate, pin_batches

PINNED = []


@pytest.fixture
def no_gpu_needed(monkeypatch):
    """Pinning asks for a GPU: here it copies, and notes what."""
    PINNED.clear()

    def pin(tensor):
        PINNED.append(tensor.data_ptr())
        return tensor.clone()

    monkeypatch.setattr(torch.Tensor, "pin_memory", pin)


@pytest.mark.usefixtures("no_gpu_needed")
@pytest.mark.parametrize("loading", ["LoadPseudoLabels", "LoadPseudoMasks"])
def test_a_batch_is_pinned_whole(drawn_store, loading):
    from mmdet.utils import register_all_modules
    from torch.utils.data._utils.pin_memory import pin_memory

    from stc_train.registry import DATASETS

    register_all_modules(init_default_scope=True)
    packing = "stc_train.PackPseudoLabels" if loading == "LoadPseudoLabels" else "PackDetInputs"
    steps = [{"type": "stc_train.LoadFrame"}, {"type": "LoadAnnotations", "with_bbox": True}]
    steps += [{"type": f"stc_train.{loading}"}, {"type": packing}]
    dataset = DATASETS.build({"type": "stc_train.StoreDataset", "store": str(drawn_store), "pipeline": steps})
    batch = collate([dataset[0], dataset[1]])
    moved = pin_memory(batch)
    sample, other = batch["data_samples"][0], moved["data_samples"][0]
    assert torch.equal(batch["inputs"][1], moved["inputs"][1])
    assert type(other) is type(sample)
    assert other.metainfo.keys() == sample.metainfo.keys()
    assert sorted(other.keys()) == sorted(sample.keys())
    tensors = [batch["inputs"][0], sample.gt_instances.bboxes.tensor, sample.gt_instances.labels]
    if loading == "LoadPseudoLabels":
        tensors += [sample.gt_instances.pieces, sample.gt_instances.centers]
        assert torch.equal(other.gt_instances.pieces, sample.gt_instances.pieces)
    else:
        np.testing.assert_array_equal(other.gt_instances.masks.masks, sample.gt_instances.masks.masks)
        assert torch.equal(
            other.gt_instances.masks.to_tensor(torch.uint8, "cpu"), torch.from_numpy(sample.gt_instances.masks.masks)
        )
        assert "pinned" in other.gt_instances.masks._placed
    assert {tensor.data_ptr() for tensor in tensors} <= set(PINNED)
    assert torch.equal(other.gt_instances.bboxes.tensor, sample.gt_instances.bboxes.tensor)


def test_a_config_s_own_words_stay():
    config = Config({"train_dataloader": {"pin_memory": False}, "model": {"data_preprocessor": {"type": "x"}}})
    pin_batches(config)
    assert (config.train_dataloader.pin_memory, config.model.data_preprocessor.non_blocking) == (False, True)
    from mmengine.registry import FUNCTIONS

    assert FUNCTIONS.get(config.train_dataloader.collate_fn.type) is collate
