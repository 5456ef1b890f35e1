import pytest
import torch

from stc_pseudo.nn.devices import require_device
from stc_pseudo.training.settings import OptimiserSettings
from stc_track.io.errors import SettingError


@pytest.mark.parametrize(
    "use", [require_device, lambda name: OptimiserSettings(device=name)], ids=["itself", "training"]
)
@pytest.mark.parametrize("name", ["cuda:99", "toaster", ""], ids=["absent GPU", "unknown kind", "empty"])
def test_a_device_that_is_not_there_is_named(use, name):
    with pytest.raises(SettingError, match=f"^device: expected a device .*, found {name}, "):
        use(name)


def test_the_processor_is_always_there():
    assert require_device("cpu") == torch.device("cpu")
