"""Names for the arrays that modules hand to each other: shape, order of the channels, and range of the values.

NumPy's types say the dtype alone; these aliases tell a reader the rest. They are not checked.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BgrImage = NDArray[np.uint8]  # (H, W, 3): blue, green, red; as OpenCV and all frames have it
RgbImage = NDArray[np.uint8]  # (H, W, 3): red, green, blue; as networks want it
BgraImage = NDArray[np.uint8]  # (H, W, 4): blue, green, red, opacity
GrayImage = NDArray[np.uint8]  # (H, W): brightness
SoftMask = NDArray[np.uint8]  # (H, W): 0 = not at all, 255 = fully; a mask, an opacity or a probability
Mask = NDArray[np.bool_]  # (H, W): True inside
FloatMap = NDArray[np.float32]  # (H, W): one number a pixel, such as a probability 0..1 or a distance in pixels
