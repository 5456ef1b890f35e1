"""`stc-train` leaves out, or weighs, pseudo-masks by the score that the store keeps."""

import numpy as np
import pytest
import torch
from mmengine.config import Config

from stc_pseudo.store.reader import StoreReader
from stc_track.io.errors import SettingError
from stc_train.engine.mask_scores import trust_by_score


@pytest.fixture
def scores(drawn_store):
    """Of the two boxes of the frame that the data set lists fourth."""
    return StoreReader(str(drawn_store)).sequence("0003").column("box_score", 4)


def sample_of(store, load, pack):
    from mmdet.utils import register_all_modules

    from stc_train.registry import DATASETS

    register_all_modules(init_default_scope=True)
    steps = [{"type": "stc_train.LoadFrame"}, {"type": "LoadAnnotations", "with_bbox": True}, load, pack]
    return DATASETS.build({"type": "stc_train.StoreDataset", "store": str(store), "pipeline": steps})[3]["data_samples"]


@pytest.mark.parametrize("weigh", [False, True])
def test_masks_weigh_by_their_score(drawn_store, scores, weigh):
    least = float(scores.mean())
    load = {"type": "stc_train.LoadPseudoLabels", "min_score": least, "weigh": weigh}
    instances = sample_of(drawn_store, load, {"type": "stc_train.PackPseudoLabels"}).gt_instances
    assert len(instances) == 2  # both boxes are learnt
    expected = np.where(scores >= least, scores if weigh else 1, 0)
    torch.testing.assert_close(instances.mask_weights, torch.from_numpy(expected.astype(np.float32)))


def test_other_segmenters_ignore_masks_of_low_scores(drawn_store, scores):
    load = {"type": "stc_train.LoadPseudoMasks", "min_score": float(scores.mean())}
    sample = sample_of(drawn_store, load, {"type": "PackDetInputs"})
    assert sample.gt_instances.labels.tolist() == [int(scores.argmax())]
    assert len(sample.ignored_instances) == 2  # and the region that is ignored anyway


def config_of(step, **others):
    return Config(
        {
            "model": {"mask_head": {"loss_mask": {"type": "stc_train.PuzzleLoss", **others}}},
            "train_dataloader": {"dataset": {"pipeline": [{"type": step}]}},
        }
    )


def test_the_command_sets_the_pipeline():
    config = config_of("stc_train.LoadPseudoLabels")
    trust_by_score(config, 0.3, weigh=True)
    assert config.train_dataloader.dataset.pipeline[0] == {
        "type": "stc_train.LoadPseudoLabels",
        "min_score": 0.3,
        "weigh": True,
    }
    trust_by_score(untouched := config_of("LoadPseudoMasks"), 0.0, weigh=False)
    assert untouched.train_dataloader.dataset.pipeline[0] == {"type": "LoadPseudoMasks"}


@pytest.mark.parametrize(
    ("config", "weigh", "message"),
    [
        pytest.param(
            config_of("stc_train.LoadPseudoMasks"),
            True,
            "weight_by_score: expected a network with the puzzle loss",
            id="other loss",
        ),
        pytest.param(
            config_of("stc_train.LoadPseudoLabels", boundary="pairwise"),
            False,
            "found boundary='pairwise'",
            id="pairwise loss",
        ),
        pytest.param(
            config_of("LoadFrame"),
            False,
            "min_mask_score: expected a pipeline that reads pseudo-masks, found none",
            id="no pseudo-masks",
        ),
    ],
)
def test_what_looks_at_no_pseudo_mask_is_refused(config, weigh, message):
    with pytest.raises(SettingError, match=message):
        trust_by_score(config, 0.3, weigh)
