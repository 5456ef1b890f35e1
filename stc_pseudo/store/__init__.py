"""The store of pseudo-labels (Zarr)."""

from stc_pseudo.store.reader import SequenceReader, StoreReader
from stc_pseudo.store.writer import StoreWriter

__all__ = ["SequenceReader", "StoreReader", "StoreWriter"]
