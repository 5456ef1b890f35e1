"""H.264 video that browsers play: 4:2:0, even sides, the index at the front."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np

from stc_track.io.errors import InputError
from stc_track.io.files import replacing

_ENCODERS = ("libx264", "libopenh264")
_BT709 = 1  # primaries, transfer and matrix of HD video, which players assume
_LIMITED = 1  # luma of 16 to 235


class VideoWriter:
    """Writes an mp4 file, a frame in memory at a time; it appears when the block ends without an exception.

    Sides of an odd number of pixels get a last row or column twice.

    Args:
        path: the file.
        rate: frames per second.
        quality: x264's constant rate factor, 0 (lossless) to 51.

    Raises:
        InputError: PyAV is not installed, or has no H.264 encoder.

    Examples:
        >>> with VideoWriter(Path("out.mp4"), rate=10) as writer:  # doctest: +SKIP
        ...     writer.write(np.zeros((375, 1242, 3), np.uint8))
    """

    def __init__(self, path: Path, rate: float, quality: int = 20) -> None:
        self._encoder = _encoder()
        self._replacing = replacing(path)
        self._rate, self._quality = Fraction(rate).limit_denominator(1000), quality
        self._stream: Any = None

    def __enter__(self) -> Self:
        import av

        # by name: to put the index at the front, the muxer opens the file a second time
        self._container = av.open(
            self._replacing.__enter__().name, "w", format="mp4", options={"movflags": "+faststart"}
        )
        return self

    def __exit__(self, *error: Any) -> bool | None:
        if error[0] is None and self._stream is not None:
            self._container.mux(self._stream.encode())
        self._container.close()
        return self._replacing.__exit__(*error)

    def write(self, frame: np.ndarray) -> None:
        """Add a frame (H, W, 3) uint8 RGB; all must have one size."""
        import av

        height, width = frame.shape[:2]
        even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        if self._stream is None:
            self._stream = self._begin(even.shape[1], even.shape[0])
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
        self._container.mux(self._stream.encode(picture.reformat(format="yuv420p", dst_colorspace="ITU709")))

    def _begin(self, width: int, height: int) -> Any:
        stream: Any = self._container.add_stream(self._encoder, rate=self._rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        if self._encoder == "libx264":
            stream.options = {"crf": str(self._quality), "preset": "medium"}
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _LIMITED
        return stream


def _encoder() -> str:
    """Name of an H.264 encoder that PyAV has."""
    try:
        from av.codec import codecs_available
    except ImportError as error:
        raise InputError(
            "av", expected="the package, which writes video", found="none", hint="pip install 'stc-seg[video]'"
        ) from error
    for name in _ENCODERS:
        if name in codecs_available:
            return name
    raise InputError("av", expected=f"an H.264 encoder, {' or '.join(_ENCODERS)}", found="neither")
