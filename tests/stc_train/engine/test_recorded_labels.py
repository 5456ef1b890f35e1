"""A training follows what its store records; the preset `paper` and what contradicts it; training on true masks."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from stc_track.formats.mots import MotsObject, write_mots
from stc_track.io.errors import InputError
from stc_track.masks import rle
from stc_train.engine import recorded_labels
from stc_train.engine.complete_config import complete_config
from stc_train.engine.config_file import change_config
from stc_train.engine.train import load_config
from tests.stc_train.conftest import FRAMES, HEIGHT, WIDTH, draw

MADE = {"masks": {"labels": "mask", "threshold_depth": 0.2, "threshold_flow": 0.5}, "similarity": {"dilation": 1}}


@pytest.fixture
def recorded(drawn_store, monkeypatch):
    """The drawn store as if it had been built with `MADE`; called, it changes the labels."""
    made = {**MADE, "masks": dict(MADE["masks"])}
    found = recorded_labels.recorded_settings
    monkeypatch.setattr(recorded_labels, "recorded_settings", lambda _provenance: found(made))
    return made


def completed(store, name="condinst_r18_demo", *options, paper=False, **more):
    config = load_config(name)
    if paper:
        recorded_labels.apply_paper(config)
    change_config(config, options)
    if paper:
        recorded_labels.require_paper(config)
    complete_config(config, str(store), None, None, **more)
    return config


def packing(config):
    return config.train_dataloader.dataset.pipeline[-1]


def test_thresholds_dilation_and_centres_are_the_store_s(drawn_store, recorded):
    config = completed(drawn_store)
    step = next(s for s in config.train_dataloader.dataset.pipeline if s.type.endswith("LoadPseudoLabels"))
    assert (step.depth_threshold, step.flow_threshold, config.model.mask_head.loss_mask.dilation) == (0.2, 0.5, 1)
    assert packing(config).centers == "box"  # M is no object's mask
    recorded["masks"]["labels"] = "walk"
    assert packing(completed(drawn_store)).centers == "mask"
    boundary = "model.mask_head.loss_mask.boundary=none"
    assert packing(completed(drawn_store, "condinst_r18_demo", boundary)).centers == "box"  # the box alone is alone


def test_the_preset_is_the_printed_loss_with_table_iv_s_switches(drawn_store, recorded):
    config = completed(drawn_store, "condinst_r18_demo", "model.mask_head.loss_mask.box_term=dice", paper=True)
    loss = config.model.mask_head.loss_mask
    assert (loss.box_term, loss.boundary, loss.area) == ("dice", "pixel", "frame")
    assert config.preset == "paper"
    assert packing(config).centers == "box"


@pytest.mark.parametrize(
    ("options", "labels", "words"),
    [
        (["model.mask_head.loss_mask.boundary=pairwise"], "mask", "loss_mask.boundary: expected none or bce or pixel"),
        (["model.mask_head.loss_mask.dilation=2"], "mask", "loss_mask.dilation: expected 1, as the store's labels"),
        (
            ["train_dataloader.dataset.pipeline.2.depth_threshold=0.3"],
            "mask",
            "LoadPseudoLabels.depth_threshold: expected 0.2",
        ),
        ([], "walk", "expected labels 'mask', found 'walk'"),
    ],
    ids=["no row of Table IV", "another dilation", "another threshold", "other labels"],
)
def test_a_contradiction_is_refused(drawn_store, recorded, options, labels, words):
    recorded["masks"]["labels"] = labels
    with pytest.raises(InputError) as caught:
        completed(drawn_store, "condinst_r18_demo", *options, paper=True)
    assert words in str(caught.value)


def test_the_command_says_a_contradiction_in_one_line(drawn_store, tmp_path):
    from stc_train.commands.train import main

    arguments = ["--pseudo-store", str(drawn_store), "--config", "condinst_r18_demo", "--preset", "paper"]
    arguments += ["--work-dir", str(tmp_path / "w"), "--cfg-options", "model.mask_head.loss_mask.area=box"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert "loss_mask.area: expected frame, as preset paper has it, found box" in done.output
    assert not (tmp_path / "w").exists()


@pytest.fixture
def truth(tmp_path):
    """True masks of the drawn video: as drawn, the car's lower half alone."""
    objects = []
    for t in range(FRAMES):
        drawn = draw(t)[1]
        car = drawn == 1
        objects += [
            MotsObject(t, 1001, 1, HEIGHT, WIDTH, rle.encode(car & (np.arange(HEIGHT)[:, None] > 52))),
            MotsObject(t, 2001, 2, HEIGHT, WIDTH, rle.encode(drawn == 2)),
        ]
    write_mots(tmp_path / "0003.txt", objects)
    return tmp_path


@pytest.mark.parametrize("name", ["condinst_r18_demo", "yolact_r18_demo"])
def test_true_masks_take_the_place_of_the_pseudo_masks(drawn_store, truth, name):
    from mmdet.utils import register_all_modules

    from stc_train.registry import DATASETS

    register_all_modules(init_default_scope=True)
    config = completed(drawn_store, name, true_masks=truth)
    config.train_dataloader.dataset.pipeline = [
        step
        for step in config.train_dataloader.dataset.pipeline
        if "Flip" not in step.type and "Resize" not in step.type
    ]
    dataset = DATASETS.build(config.train_dataloader.dataset)
    found = dataset[0]["data_samples"].gt_instances
    drawn = draw(0)[1]
    expected = np.array([np.count_nonzero((drawn == 1)[53:]), np.count_nonzero(drawn == 2)])
    if "masks" in found:
        assert np.array_equal(found.masks.masks.sum((1, 2)), expected)
    else:
        areas = found.pieces.sum((1, 2)).numpy() * 16 / 255
        assert areas == pytest.approx(expected, rel=0.1)
    assert dataset.fingerprint != DATASETS.build(completed(drawn_store, name).train_dataloader.dataset).fingerprint


def test_true_masks_that_are_not_there_are_named(drawn_store, tmp_path):
    from stc_train.registry import DATASETS

    config = completed(drawn_store, true_masks=tmp_path)
    with pytest.raises(InputError, match="masks in MOTS text"):
        DATASETS.build(config.train_dataloader.dataset)
