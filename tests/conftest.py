"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

# How long an example takes is the machine's, not the code's.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


@pytest.fixture(scope="session")
def plain_configs() -> Iterator[None]:
    """MMEngine writes configs as they come: laying them out by yapf takes most of a short training's time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("yapf.yapflib.yapf_api.FormatCode", lambda text, **_: (text, True))
        yield
