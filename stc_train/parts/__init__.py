"""Our parts for MMDetection, in a registry scope of their own: a config names them `stc_train.X`.

Importing this package puts mmcv's operators in place and makes the names findable (in a config:
`custom_imports = dict(imports=["stc_train.parts"])`); the modules are imported when a name is first looked up.
"""

from __future__ import annotations

from stc_train import mmcv_ops

mmcv_ops.install()

from mmengine import registry  # noqa: E402

SCOPE = "stc_train"
MODELS = registry.Registry("model", parent=registry.MODELS, scope=SCOPE,
                           locations=["stc_train.parts.bbox_head", "stc_train.parts.mask_head",
                                      "stc_train.parts.blendmask", "stc_train.parts.protonet",
                                      "stc_train.parts.roi_extractor"])
DATASETS = registry.Registry("dataset", parent=registry.DATASETS, scope=SCOPE,
                             locations=["stc_train.parts.store_dataset"])
TRANSFORMS = registry.Registry("transform", parent=registry.TRANSFORMS, scope=SCOPE,
                               locations=["stc_train.parts.transforms"])
TASK_UTILS = registry.Registry("task util", parent=registry.TASK_UTILS, scope=SCOPE,
                               locations=["stc_train.parts.assigner"])
DATA_SAMPLERS = registry.Registry("data sampler", parent=registry.DATA_SAMPLERS, scope=SCOPE,
                                  locations=["stc_train.parts.sampler"])
HOOKS = registry.Registry("hook", parent=registry.HOOKS, scope=SCOPE, locations=["stc_train.parts.hooks"])
METRICS = registry.Registry("metric", parent=registry.METRICS, scope=SCOPE, locations=["stc_train.parts.mask_ap"])
OPTIM_WRAPPERS = registry.Registry("optimizer wrapper", parent=registry.OPTIM_WRAPPERS, scope=SCOPE,
                                   locations=["stc_train.parts.autocast"])
