"""MMDetection is imported only after its operators are in place."""

from stc_train import mmcv_ops

mmcv_ops.install()
