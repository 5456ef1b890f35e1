"""Former name of `stc_train.registry`, for configs of version 0.1; goes with version 0.3."""

import warnings

from stc_train.registry import *  # noqa: F403

warnings.warn(
    "stc_train.parts is now stc_train.registry: write custom_imports = dict(imports=['stc_train.registry'])",
    FutureWarning,
    stacklevel=2,
)
