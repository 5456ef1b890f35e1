"""The folder of a comparison and its options."""

import pytest

from pipelines.ablations.supervision_experiment import Experiment, Settings, whole_numbers
from stc_track.io.errors import InputError


def test_another_setting_wants_another_folder(tmp_path):
    Experiment(tmp_path, Settings(31, 2, 1, 2, 5, 2), 1)
    with pytest.raises(InputError, match="choose another --out"):
        Experiment(tmp_path, Settings(31, 2, 1, 2, 6, 2), 1)


def test_seeds_are_numbers():
    assert whole_numbers("--seeds", "0,12") == [0, 12]
    with pytest.raises(InputError, match="--seeds: expected whole numbers"):
        whole_numbers("--seeds", "0,")
