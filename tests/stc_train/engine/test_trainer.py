"""A training that is interrupted, validated, in half precision, on several processes, or of somebody else's config."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from stc_track.io.errors import InputError, SettingError
from stc_train.commands.train import main as train_command

SMALL = {
    "train_dataloader.num_workers": 0,
    "train_dataloader.batch_size": 2,
    "default_hooks.logger.interval": 1,
    "default_hooks.checkpoint.interval": 2,
    "custom_hooks.2.interval": 2,
    "log_processor.window_size": 1,
}


def options(**changes):
    return [f"{key}={value}" for key, value in (SMALL | changes).items()]


class Killed(BaseException):
    """The process is as good as gone."""


@pytest.fixture(scope="module", autouse=True)
def killer():
    """A hook for configs that ends a training after a step, before anything is saved."""
    from mmengine.hooks import Hook
    from mmengine.registry import HOOKS

    class KillerOfTests(Hook):
        priority = "VERY_HIGH"

        def __init__(self, after):
            self.after = after

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            if runner.iter + 1 == self.after:
                raise Killed

    HOOKS.register_module(module=KillerOfTests, force=True)


def train(store, folder, steps, config="condinst_r18_demo", stop_after=None, changes=None, **settings):
    """Train in this process."""
    from stc_train.engine.train import TrainingRun, load_config
    from stc_train.engine.train import train as run

    loaded = load_config(config, options(**(changes or {})))
    if stop_after:
        loaded.custom_hooks = [*loaded.custom_hooks, {"type": "mmengine.KillerOfTests", "after": stop_after}]
    try:
        run(loaded, TrainingRun(str(store), folder, max_iters=steps, **settings))
    except Killed:
        assert stop_after


def scalars(folder):
    """The logged figures of each step; a step that was repeated, as the later run had it."""
    rows = {}
    for file in sorted(folder.glob("*/vis_data/*.json")):
        for line in file.read_text().splitlines():
            row = json.loads(line)
            rows.setdefault(row["step"], {}).update(row)
    return rows


TIMES = ("time", "data_time", "images_per_s", "memory")


def test_a_killed_training_goes_on_as_if_nothing_had_been(drawn_store, tmp_path):
    train(drawn_store, tmp_path / "whole", 5)
    train(drawn_store, tmp_path / "killed", 5, stop_after=4)
    assert (tmp_path / "killed" / "iter_2.pth").exists()
    # With a loading process, which the first run had not: what a frame's augmentation draws does not depend on it.
    train(drawn_store, tmp_path / "killed", 5, resume=True, changes={"train_dataloader.num_workers": 1})
    whole, killed = (scalars(tmp_path / name) for name in ("whole", "killed"))
    assert len({row["loss"] for row in whole.values()}) == 5
    assert whole.keys() == killed.keys() == set(range(1, 6))
    for step, row in whole.items():
        assert {k: v for k, v in killed[step].items() if k not in TIMES} == {
            k: v for k, v in row.items() if k not in TIMES
        }
    one, other = (torch.load(tmp_path / name / "model.pth", weights_only=True)["state"] for name in ("whole", "killed"))
    for key, value in one.items():
        torch.testing.assert_close(other[key], value, rtol=0, atol=0)
    assert not list((tmp_path / "killed").glob(".*partial"))


def test_the_draws_do_not_depend_on_the_number_of_processes():
    from stc_train.data.sampler import NumberedSampler, seed_everything

    def first(rank, world, count, skip=0):
        sampler = NumberedSampler(range(5), seed=3)
        sampler.rank, sampler.world_size = rank, world
        sampler.skip(skip)
        return [draw for _, draw in zip(range(count), sampler, strict=False)]

    alone = first(0, 1, 8)
    assert sorted(draw.index for draw in alone[:5]) == list(range(5))
    assert first(0, 2, 4) == alone[::2]
    assert first(1, 2, 4) == alone[1::2]
    assert first(0, 1, 3, skip=5) == alone[5:]
    drawn = []
    for key in ((3, 0, 7), (3, 0, 8), (3, 0, 7)):
        seed_everything(*key)
        drawn.append(torch.rand(2).tolist())
    assert drawn[0] == drawn[2] != drawn[1]


@pytest.fixture(scope="module")
def two_sequences(drawn_store, tmp_path_factory):
    """The drawn store with its sequence twice."""
    import shutil

    from stc_track.formats.store import seal, unseal

    url = tmp_path_factory.mktemp("two") / "store"
    shutil.copytree(drawn_store, url)
    shutil.copytree(url / "0003", url / "0004")
    record = url / "0004" / "record.json"
    record.write_bytes(seal(unseal(record.read_bytes(), "") | {"sequence": "0004"}))
    return url


@pytest.mark.parametrize("true", [True, False], ids=["true masks", "pseudo-masks"])
def test_validation_says_against_what_and_keeps_the_best(two_sequences, tmp_path, true):
    from stc_track.formats.mots import write_mots

    write_mots(tmp_path / "truth" / "0004.txt", [])
    train(two_sequences, tmp_path / "work", 2, val_sequences=["0004"], val_truth=tmp_path / "truth" if true else None)
    figures = scalars(tmp_path / "work")[2]
    assert f"val_{'true' if true else 'pseudo'}_masks/AP75" in figures
    assert torch.load(tmp_path / "work" / "model_best.pth", weights_only=True)["step"] == 2
    assert list((tmp_path / "work").glob("best_*.pth"))
    assert '"0004"' not in str(json.dumps(figures))
    config = "".join((tmp_path / "work" / "condinst_r18_demo.py").read_text().split())
    assert "sequences=['0003'" in config
    assert list((tmp_path / "work").glob("*/vis_data/events.out.tfevents*"))


def test_validation_needs_sequences_of_its_own(drawn_store, tmp_path):
    with pytest.raises(InputError, match="expected some sequences left to train on"):
        train(drawn_store, tmp_path, 1, val_sequences=["0003"])
    with pytest.raises(InputError, match="expected sequences that are not trained on, found 0003"):
        train(drawn_store, tmp_path, 1, sequences=["0003"], val_sequences=["0003"])


def test_mask_ap_counts_exact_masks_in_full_and_false_ones_not_at_all(drawn_store):
    from stc_track.masks import rle
    from stc_train.engine.mask_ap import MaskAP

    found = {}
    for name in ("exact", "shifted"):
        metric = MaskAP(str(drawn_store), ["0003"])
        for image, targets in metric.targets.items():
            own = [(number, rle.decode(counts, *metric.sizes[image])) for number, counts, crowd in targets if not crowd]
            masks = [torch.from_numpy(mask.copy()).roll(40 if name == "shifted" else 0, 1) for _, mask in own]
            metric.process(
                None,
                [
                    {
                        "img_id": image,
                        "pred_instances": {
                            "scores": torch.full((len(own),), 0.9),
                            "labels": torch.tensor([number - 1 for number, _ in own]),
                            "masks": torch.stack(masks)
                            if masks
                            else torch.zeros(0, *metric.sizes[image], dtype=torch.bool),
                        },
                    }
                ],
            )
        found[name] = metric.evaluate(size=6)["val_pseudo_masks/AP"]
    assert found["exact"] == pytest.approx(100)
    assert found["shifted"] == 0


def test_bfloat16_on_a_cpu(drawn_store, tmp_path):
    train(drawn_store, tmp_path / "half", 1, precision="bfloat16")
    train(drawn_store, tmp_path / "full", 1)
    half, full = (scalars(tmp_path / name)[1] for name in ("half", "full"))
    assert half["loss"] != full["loss"]
    assert half["loss"] == pytest.approx(full["loss"], rel=0.05)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_float16_wants_a_gpu(drawn_store, tmp_path):
    with pytest.raises(
        InputError, match=r"^precision: expected a GPU for float16, found none \(`precision=` bfloat16\)"
    ):
        train(drawn_store, tmp_path, 1, precision="float16")


def test_resuming_without_a_checkpoint_is_refused(drawn_store, tmp_path):
    with pytest.raises(InputError, match=r"expected a checkpoint iter_N\.pth to go on from, found none"):
        train(drawn_store, tmp_path, 1, resume=True)
    (tmp_path / "iter_7.pth").write_bytes(b"half a checkpoint")
    with pytest.raises(InputError, match=r"iter_7.pth: expected a checkpoint of tensors and plain values"):
        train(drawn_store, tmp_path, 1, resume=True)


def test_a_checkpoint_is_whole_or_absent(monkeypatch, tmp_path):
    from mmengine.runner import Runner

    from stc_train.engine.runner import TrainingRunner

    def fail_half_way(self, out_dir, filename):
        Path(out_dir, filename).write_bytes(b"half")
        raise OSError("no space left")

    runner = TrainingRunner.__new__(TrainingRunner)
    runner._rank = 0
    monkeypatch.setattr(Runner, "save_checkpoint", fail_half_way)
    with pytest.raises(OSError, match="no space left"):
        runner.save_checkpoint(str(tmp_path), "iter_2.pth")
    assert [path.name for path in tmp_path.glob("*.pth")] == []
    monkeypatch.setattr(Runner, "save_checkpoint", lambda self, folder, name: Path(folder, name).write_bytes(b"all"))
    runner.save_checkpoint(str(tmp_path), "iter_2.pth")
    assert (tmp_path / "iter_2.pth").read_bytes() == b"all"


OWN_CONFIG = """
_base_ = ["{base}"]
model = dict(
    backbone=dict(depth=18, stem_channels=16, base_channels=16, frozen_stages=-1, norm_eval=False, init_cfg=None),
    neck=dict(in_channels=[16, 32, 64, 128], out_channels=32),
    bbox_head=dict(in_channels=32, feat_channels=32, stacked_convs=1),
    mask_head=dict(mask_feature_head=dict(in_channels=32, feat_channels=16, num_stacked_convs=1)))
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True, with_mask=True, poly2mask=False),
    dict(type="Expand", ratio_range=(1, 2)),
    dict(type="Resize", scale=(160, 96), keep_ratio=False),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs")]
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False, batch_sampler=None,
    dataset=dict(pipeline=train_pipeline))
"""


def test_mmdetections_own_config_trains_on_the_store(drawn_store, tmp_path):
    import mmdet

    base = Path(mmdet.__file__).parent / ".mim/configs/condinst/condinst_r50_fpn_ms-poly-90k_coco_instance.py"
    (tmp_path / "own.py").write_text(OWN_CONFIG.format(base=base))
    from stc_train.engine.train import TrainingRun, load_config
    from stc_train.engine.train import train as run

    run(
        load_config(str(tmp_path / "own.py"), ["default_hooks.logger.interval=1"]),
        TrainingRun(str(drawn_store), tmp_path / "work", max_iters=1),
    )
    figures = scalars(tmp_path / "work")[1]
    assert {"loss_cls", "loss_bbox", "loss_mask", "images_per_s"} <= figures.keys()
    content = torch.load(tmp_path / "work" / "model.pth", weights_only=True)
    assert content["model"]["bbox_head"]["num_classes"] == 2
    assert content["pipeline"][0]["type"] == "stc_train.LoadFrame"
    assert "bgr_to_rgb" not in content["model"]["data_preprocessor"]


@pytest.mark.parametrize(
    "step",
    ["dict(type='RandomAffine')", "dict(type='RandomApply', transforms=[dict(type='Expand')])"],
    ids=["affine", "wrapped expand"],
)
def test_transforms_that_would_leave_the_maps_behind_are_refused(drawn_store, tmp_path, step):
    own = tmp_path / "own.py"
    own.write_text(f"""
_base_ = ["{Path(__file__).parents[3]}/stc_train/configs/condinst_r18_demo.py"]
train_dataloader = dict(dataset=dict(pipeline=[
    dict(type="stc_train.LoadFrame"), dict(type="LoadAnnotations", with_bbox=True),
    dict(type="stc_train.LoadPseudoLabels"), {step}, dict(type="stc_train.PackPseudoLabels")]))
""")
    result = CliRunner().invoke(
        train_command, ["--pseudo-store", str(drawn_store), "--config", str(own), "--work-dir", str(tmp_path / "work")]
    )
    assert result.exit_code == 2
    assert "the store's maps would not move with" in result.output.splitlines()[-1]


def test_weights_that_a_config_would_fetch_must_be_named(drawn_store, tmp_path):
    import mmdet

    base = Path(mmdet.__file__).parent / ".mim/configs/condinst/condinst_r50_fpn_ms-poly-90k_coco_instance.py"
    result = CliRunner().invoke(
        train_command, ["--pseudo-store", str(drawn_store), "--work-dir", str(tmp_path), "--config", str(base)]
    )
    assert result.exit_code == 2
    assert "--init-backbone: expected a file in place of the config's torchvision://resnet50" in result.output


@pytest.mark.slow
def test_two_processes_train_together(drawn_store, tmp_path):
    """On CPUs, by gloo; the command is the one of several GPUs."""
    program = Path(sys.executable).with_name("stc-train")
    changes = [word for option in options() for word in ("--cfg-options", option)]
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--nproc-per-node",
            "2",
            "--master-port",
            "29613",
            "--no-python",
            program,
            "--pseudo-store",
            drawn_store,
            "--work-dir",
            tmp_path / "work",
            "--max-iters",
            "2",
            "--device",
            "cpu",
            *changes,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    figures = scalars(tmp_path / "work")
    assert sorted(figures) == [1, 2]
    assert torch.load(tmp_path / "work" / "model.pth", weights_only=True)["step"] == 2


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({"max_iters": 0}, "max_iters: expected a whole number of at least 1", id="no step"),
        pytest.param({"sequences": "0000"}, "sequences: expected a list, each a string", id="one string"),
        pytest.param({"val_sequences": (1,)}, "val_sequences: expected a list, each a string", id="a number"),
    ],
)
def test_a_run_that_cannot_be_is_refused(tmp_path, values, said):
    from stc_train.engine.train import TrainingRun

    with pytest.raises(SettingError, match=f"^{said}"):
        TrainingRun("store", tmp_path, **values)
