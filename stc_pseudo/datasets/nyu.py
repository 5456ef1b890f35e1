"""NYU Depth v2's labelled images (Silberman et al., ECCV 2012), `nyu_depth_v2_labeled.mat`: indoor pictures with the
Kinect's depth, on which the paper pre-trains depth for YouTube-VIS (IV-D1).

The file is MATLAB's version 7.3, which is HDF5; its arrays are column by column:

    images     (N, 3, W, H) uint8     RGB
    depths     (N, W, H) float        metres, holes filled in by colourisation
    rawDepths  (N, W, H) float        metres as measured, 0 where nothing was; optional
    scenes     (1, N) references      to the name of each picture's scene, as uint16 characters; optional

The pictures are single ones of many videos: they can teach or measure depth, but show no motion. The raw data set's
videos (folders of `r-*.ppm`) are folders of frames like any other.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stc_track.io.errors import InputError, require_file

if TYPE_CHECKING:
    import h5py

MEND = "nyu_depth_v2_labeled.mat of the NYU Depth v2 page is such a file"


class NyuDepth:
    """The labelled pictures with their depth, read one at a time; cheap to send to another process.

    Args:
        path: the `.mat` file.
        filled: give the depth that was filled in where the sensor measured nothing; otherwise it is NaN there, if the
            file has `rawDepths`.

    Attributes:
        size: (height, width) of every picture.
        scenes: the scene's name of each picture; pictures of one scene look alike. Empty if the file does not tell.

    Raises:
        InputError: no HDF5 file, or not with these arrays.
    """

    def __init__(self, path: Path, filled: bool = False) -> None:
        self.path, self.filled = require_file(path, "NYU Depth v2's labelled pictures", MEND), filled
        with self._open() as file:
            shapes = {name: file[name].shape for name in ("images", "depths", "rawDepths") if name in file}
            images = shapes.get("images", ())
            if len(images) != 4 or images[1] != 3 or file["images"].dtype != np.uint8:
                raise InputError(path, expected="images (N, 3, W, H) uint8", found=str(images or "none"), hint=MEND)
            for name in ("depths", *(set(shapes) & {"rawDepths"})):
                if shapes.get(name) != (images[0], *images[2:]) or file[name].dtype.kind != "f":
                    raise InputError(
                        path,
                        expected=f"{name} {(images[0], *images[2:])} of floats",
                        found=str(shapes.get(name, "none")),
                        hint=MEND,
                    )
            self._length, self.size = images[0], images[:1:-1]
            self.scenes = _strings(file, "scenes", images[0])

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Picture and depth at a position.

        Returns:
            image: (H, W, 3) uint8 RGB.
            depth: (H, W) float32, metres, positive, NaN where unknown.
        """
        if not 0 <= index < self._length:
            raise IndexError(index)
        with self._open() as file:
            image, depth = file["images"][index].transpose(2, 1, 0), file["depths"][index].T
            valid = np.isfinite(depth) & (depth > 0)
            if not self.filled and "rawDepths" in file:
                valid &= file["rawDepths"][index].T > 0
        return np.ascontiguousarray(image), np.where(valid, depth, np.nan).astype(np.float32)

    def split(self, every: int = 10) -> tuple[list[int], list[int]]:
        """Positions to train on, and to validate on: every `every`-th scene, so that no scene is in both.

        Raises:
            InputError: the file does not name the scenes, or there is only one.
        """
        names = sorted(set(self.scenes))
        if len(names) < 2:
            raise InputError(self.path, expected="pictures of two scenes or more", found=str(len(names)), hint=MEND)
        held_out = set(names[::every])
        sides = [name in held_out for name in self.scenes]
        return [k for k, test in enumerate(sides) if not test], [k for k, test in enumerate(sides) if test]

    def _open(self) -> h5py.File:
        # Opened for each picture: an HDF5 handle must not cross into another process.
        import h5py

        try:
            return h5py.File(self.path, "r")
        except OSError as error:
            raise InputError(
                self.path, expected="a MATLAB 7.3 (HDF5) file", found=str(error)[:120], hint=MEND
            ) from error


def _strings(file: h5py.File, name: str, length: int) -> tuple[str, ...]:
    """The strings of a MATLAB cell array, a reference each to an array of UTF-16 characters."""
    if name not in file:
        return ()
    references = file[name][()].ravel()
    if len(references) != length:
        raise InputError(file.filename, expected=f"{length} {name}", found=str(len(references)), hint=MEND)
    return tuple(file[reference][()].astype("<u2").tobytes().decode("utf-16-le") for reference in references)
