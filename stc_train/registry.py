"""Registry scope `stc_train`: models, data sets, samplers and hooks for MMDetection, named `stc_train.X` in configs.

Importing this module puts mmcv's operators in place and makes the names findable (in a config:
`custom_imports = dict(imports=["stc_train.registry"])`); the modules are imported when a name is first looked up.
"""

from __future__ import annotations

from stc_train import mmcv_ops

mmcv_ops.install()

from mmengine import registry  # noqa: E402  (mmcv's operators come first)

SCOPE = "stc_train"
MODELS = registry.Registry(
    "model",
    parent=registry.MODELS,
    scope=SCOPE,
    locations=[
        "stc_train.models.condinst_box_head",
        "stc_train.models.condinst_mask_head",
        "stc_train.models.blendmask",
        "stc_train.models.efficientnet_lite",
        "stc_train.models.yolact",
        "stc_train.models.roi_extractor",
    ],
)
DATASETS = registry.Registry(
    "dataset", parent=registry.DATASETS, scope=SCOPE, locations=["stc_train.data.store_dataset"]
)
TRANSFORMS = registry.Registry(
    "transform", parent=registry.TRANSFORMS, scope=SCOPE, locations=["stc_train.data.transforms"]
)
TASK_UTILS = registry.Registry(
    "task util", parent=registry.TASK_UTILS, scope=SCOPE, locations=["stc_train.models.assigner"]
)
DATA_SAMPLERS = registry.Registry(
    "data sampler", parent=registry.DATA_SAMPLERS, scope=SCOPE, locations=["stc_train.data.sampler"]
)
HOOKS = registry.Registry("hook", parent=registry.HOOKS, scope=SCOPE, locations=["stc_train.engine.hooks"])
METRICS = registry.Registry("metric", parent=registry.METRICS, scope=SCOPE, locations=["stc_train.engine.mask_ap"])
FUNCTIONS = registry.Registry("function", parent=registry.FUNCTIONS, scope=SCOPE, locations=["stc_train.data.pinning"])
OPTIM_WRAPPERS = registry.Registry(
    "optimizer wrapper", parent=registry.OPTIM_WRAPPERS, scope=SCOPE, locations=["stc_train.engine.autocast"]
)


def register_mmdetection() -> registry.Registry:
    """Make MMDetection's names findable as well; its registry of models, which finds ours too."""
    from mmdet.registry import MODELS as ALL_MODELS
    from mmdet.utils import register_all_modules

    register_all_modules(init_default_scope=True)
    return ALL_MODELS
