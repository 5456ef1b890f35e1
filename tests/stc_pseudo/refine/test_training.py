import numpy as np
import pytest
import torch

from stc_pseudo.refine import training
from stc_pseudo.refine.encoder import make_encoder
from stc_pseudo.refine.instances import list_instances
from stc_pseudo.refine.network import side_distances
from stc_pseudo.refine.settings import RefineSettings
from stc_pseudo.refine.training import credible, losses, projection_iou, train
from stc_pseudo.refine.views import HIDDEN, make_views, paste
from stc_pseudo.store.reader import StoreReader


def batch_of(boxes, label, size=32):
    hidden = torch.zeros(len(boxes), size, size, dtype=torch.bool)
    return {"box": torch.tensor(boxes), "hidden": hidden, "label": label}


def test_distances_to_the_sides_of_the_box():
    left, top, right, bottom = side_distances(torch.tensor([[4.0, 6.0, 20.0, 28.0]]), 32)[0, :, 10, 5]
    assert (left, top, right, bottom) == (1.5, 4.5, 14.5, 17.5)


def test_no_loss_for_a_mask_that_fills_its_box_and_is_its_label():
    label = torch.zeros(1, 32, 32)
    label[:, 4:20, 4:20] = 1
    batch = batch_of([[4.0, 4.0, 20.0, 20.0]], label)
    assert losses(40 * label - 20, label, batch, 1.0).item() == pytest.approx(0, abs=1e-4)
    # half of it: rows are all there, half the columns are not
    half = label.clone()
    half[..., 12:] = 0
    without = losses(40 * half - 20, half, batch, 0.0).item()
    assert without == pytest.approx(0, abs=1e-4)
    assert losses(40 * half - 20, half, batch, 1.0).item() == pytest.approx(0.5 * (1 - 2 * 8 / (8 + 16)), abs=1e-3)


def test_a_hidden_side_is_not_asked_for():
    half = torch.zeros(1, 32, 32)
    half[:, 4:20, 4:12] = 1
    batch = batch_of([[4.0, 4.0, 20.0, 20.0]], half)
    batch["hidden"][:, 4:20, 12:20] = True
    assert losses(40 * half - 20, half, batch, 1.0).item() == pytest.approx(0, abs=1e-4)
    # What is pasted over counts: it is not the object.
    filled = half.clone()
    filled[:, 4:20, 12:20] = 1
    assert losses(40 * filled - 20, half, batch, 1.0).item() > 1


def test_a_label_that_leaves_rows_or_columns_of_its_box_empty_is_not_believed_there():
    label = torch.zeros(3, 8, 8, dtype=torch.bool)
    label[0, 2:6, 3:5] = True
    label[1, 2, 3] = label[1, 5, 6] = True
    expected = torch.zeros_like(label)
    expected[0, 2:6, 3:5] = True
    expected[1, [2, 2, 5, 5], [3, 6, 3, 6]] = True
    expected[2] = True  # of an empty label nothing says where the object is
    assert (credible(label) == expected).all()
    # A column more than the label has costs nothing: the box asks for it.
    box, label = [[2.0, 2.0, 6.0, 6.0]], torch.zeros(1, 8, 8)
    label[:, 2:6, 2:5] = 1
    whole = label.clone()
    whole[:, 2:6, 5] = 1
    assert losses(40 * whole - 20, label, batch_of(box, label, 8), 1.0).item() == pytest.approx(0, abs=1e-4)


def test_projections_of_a_mask_beside_its_box():
    mask = torch.zeros(3, 32, 32, dtype=torch.bool)
    mask[0, 4:20, 4:20] = True
    mask[1, 4:20, 4:12] = True
    mask[1, 30, 4] = True  # a speck is one row more
    expected = [1.0, 16 / 17 * 8 / 16, 0.0]
    assert projection_iou(mask, torch.tensor([[4.0, 4.0, 20.0, 20.0]] * 3)).tolist() == pytest.approx(expected)


def test_a_pasted_object_hides_a_part_and_never_all():
    random = np.random.default_rng(0)
    label = np.zeros((96, 96), np.uint8)
    label[20:76, 20:76] = 255
    donor = (np.full((96, 96, 3), 200, np.uint8), label)
    changed = 0
    for _ in range(20):
        rgb, hidden = paste(np.zeros((96, 96, 3), np.uint8), label, [donor], random)
        assert ((rgb[..., 0] > 100) == hidden).mean() > 0.97
        changed += hidden.any()
        share = hidden[label > 0].mean()
        assert share == 0 or HIDDEN[0] <= share <= HIDDEN[1]
    assert changed > 10


def test_learning_leaves_the_labels_errors_behind(store):
    reader, settings = StoreReader(str(store)), RefineSettings(crop=32, views=2, min_steps=80, epochs=1, holdout=0)
    instances, encoder = list_instances(reader, reader.sequences), make_encoder("scratch")
    views, labels = make_views(reader, instances, encoder, settings, "cpu")
    views.set_labels(labels)
    assert len(views.regions) == 2 * len(instances) == 128
    none = torch.zeros(0, dtype=torch.int64)
    trained = train(views, encoder.channels, torch.arange(len(instances)), none, settings, 0, "cpu")
    batch = views.batch(torch.arange(0, 128, 2), "cpu")
    box, size = batch["box"], 32
    within = side_distances(box, size).amin(1) > 0
    predicted = (trained.probability(batch["features"], batch["side"]) > 0.5) & within
    centre, radius = (box[:, :2] + box[:, 2:]) / 2, (box[:, 2:] - box[:, :2]) / 2
    grid = torch.arange(size) + 0.5
    x = ((grid - centre[:, :1]) / radius[:, :1]).square()[:, None]
    y = ((grid - centre[:, 1:]) / radius[:, 1:]).square()[..., None]
    true = x + y <= 1
    iou = lambda m: ((m & true).sum((1, 2)) / (m | true).sum((1, 2))).mean().item()  # noqa: E731
    assert iou(predicted) > iou(batch["label"] > 0.5) + 0.02


@pytest.mark.parametrize(
    ("fits", "measured"),
    [
        # of the last quarter, the best at 16: a fall for 3
        pytest.param([0.9] * 14 + [0.6, 0.7, 0.6, 0.5, 0.4, 0.3], 19, id="stops after a fall"),
        pytest.param([0.5] * 14 + [0.8, 0.79, 0.795, 0.79, 0.8, 0.79], 20, id="no fall"),
    ],
)
def test_a_training_stops_when_held_out_boxes_are_fitted_worse(store, monkeypatch, fits, measured):
    reader, settings = StoreReader(str(store)), RefineSettings(crop=32, views=1, min_steps=20, epochs=1, batch_size=64)
    instances, encoder = list_instances(reader, reader.sequences), make_encoder("scratch")
    views, labels = make_views(reader, instances, encoder, settings, "cpu")
    views.set_labels(labels)
    seen, states = iter(fits), []

    def fit(trained, *_):
        states.append(trained.network.last.bias.detach().clone())
        return next(seen), 0.0

    monkeypatch.setattr(training, "MEASURE_EVERY", 1)
    monkeypatch.setattr(training, "box_fit", fit)
    trained = training.train(views, encoder.channels, torch.arange(60), torch.arange(60, 64), settings, 0, "cpu")
    assert len(states) == measured
    torch.testing.assert_close(trained.network.last.bias, states[15] if measured < 20 else states[-1])
