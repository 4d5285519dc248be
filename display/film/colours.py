"""How the colours of a film are stored, and how pictures are converted to them."""

from __future__ import annotations

from typing import NamedTuple

from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from common.vision.arrays import BgrImage

# numbers of ITU-T H.273, tables 2 to 4, as FFmpeg has them
UNSPECIFIED, BT709 = 2, 1
# by number of the matrix; FFmpeg takes BT.601 where it is unspecified, here and where capture makes the pictures
MATRICES = {
    1: Colorspace.ITU709, 2: Colorspace.ITU601, 4: Colorspace.FCC, 5: Colorspace.ITU601, 6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M, 9: Colorspace.BT2020,
}  # fmt: skip
FULL_RANGE = 2  # of FFmpeg's ranges: 0 unspecified, 1 limited (16..235), 2 full (0..255)
LIMITED_RANGE = 1
# the mean of four pixels for each pixel of half the size, and the brightness not half a level too low
EXACT = Interpolation.AREA | Interpolation.ACCURATE_RND


class Colours(NamedTuple):
    """What says how the numbers of a picture become colours.

    Attributes:
        range: FFmpeg's number: 0 unspecified, 1 limited, 2 full.
        matrix, primaries, transfer: Numbers of ITU-T H.273.
    """

    range: int
    matrix: int
    primaries: int
    transfer: int


def colours_of(codec: VideoCodecContext) -> Colours:
    """Return the colours of a recording. One whose matrix no film can have, such as RGB, becomes BT.709 of limited range."""
    matrix, full = codec.colorspace, (codec.pix_fmt or "").startswith("yuvj")
    if matrix not in MATRICES or codec.format is None or codec.format.is_rgb:
        return Colours(LIMITED_RANGE, BT709, codec.color_primaries, codec.color_trc)
    return Colours(FULL_RANGE if full else codec.color_range, matrix, codec.color_primaries, codec.color_trc)


class PictureConverter:
    """Converts pictures to the colours of a film.

    Args:
        colours: Of the film.
        pix_fmt: FFmpeg's name of the pixel format.
    """

    def __init__(self, colours: Colours, pix_fmt: str) -> None:
        self._colours, self._pix_fmt = colours, pix_fmt
        self._reformatter = VideoReformatter()

    def frame(self, picture: BgrImage) -> VideoFrame:
        """Return a frame of its own memory, made of (H, W, 3) uint8 BGR."""
        frame = self._reformatter.reformat(
            # a copy, behind which there is room: FFmpeg reads up to 48 bytes past the end of a picture
            VideoFrame.from_ndarray(picture, "bgr24"),
            format=self._pix_fmt,
            dst_colorspace=MATRICES[self._colours.matrix],
            dst_color_range=self._colours.range or LIMITED_RANGE,
            interpolation=EXACT,
            threads=1,
        )
        frame.colorspace, frame.color_range = self._colours.matrix, self._colours.range
        return frame
