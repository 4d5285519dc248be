"""Cuts the two people of the demo scene out of their portraits, along outlines that are constants of this module.

A cut-out must not contain any trace of the room of its portrait. So the outline is a polygon and not the result of a
network, the edge is soft, and the colours of the edge are taken from inside the person, because those in the portrait are
mixed with the flag or wall behind.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from capture.sprite import Sprite
from common.vision.arrays import BgrImage, SoftMask
from common.vision.assets import ADMIRAL, ASTRONAUT, Asset, fetch
from common.vision.images import read_image

Points = tuple[tuple[int, int], ...]

EDGE_PX = 3  # of the portrait: so far inside the outline colours are mixed with the background
SOFT_PX = 0.5  # of the portrait: sigma of the edge's blur


@dataclass(frozen=True, slots=True)
class Portrait:
    """A picture, and where the person is in it.

    Attributes:
        asset: The picture.
        box_xyxy: The part that is used. Its lower end is below that of the scene, so the end of the portrait is not visible.
        outline: Outline of the person, x and y in pixels of the picture.
        before: Outline of an object in front of the person, which is removed; empty for none. The area is filled with the
            person's other side, mirrored.
        middle: Column of the mirror axis.
        hem: Rows of plain cloth that are repeated below the end of the picture; None for none.
    """

    asset: Asset
    box_xyxy: tuple[int, int, int, int]
    outline: Points
    before: Points = ()
    middle: int = 0
    hem: tuple[int, int] | None = None


# fmt: off
SUBJECT = Portrait(ASTRONAUT, (10, 6, 376, 426), (
    (276, 31), (249, 18), (240, 16), (228, 16), (218, 18), (206, 21), (193, 29), (185, 37), (174, 43), (161, 52),
    (157, 57), (153, 69), (153, 91), (155, 99), (158, 105), (169, 116), (170, 122), (174, 128), (181, 133), (182, 145),
    (179, 148), (165, 149), (153, 151), (138, 159), (131, 167), (121, 182), (114, 186), (115, 196), (116, 204),
    (105, 213), (67, 243), (60, 252), (45, 280), (40, 293), (38, 306), (34, 314), (30, 330), (28, 346), (26, 352),
    (25, 373), (22, 382), (19, 396), (18, 412), (18, 440), (369, 440), (368, 412), (367, 396), (364, 380), (362, 364),
    (362, 345), (361, 330), (358, 316), (356, 301), (352, 286), (348, 279), (345, 271), (341, 263), (333, 254),
    (321, 244), (305, 234), (298, 217), (289, 203), (278, 190), (259, 176), (256, 172), (257, 162), (264, 150),
    (267, 139), (275, 134), (290, 117), (296, 108), (300, 91), (299, 73), (296, 65), (296, 57), (286, 40),
), before=(
    (400, 338), (360, 340), (343, 345), (324, 354), (310, 364), (300, 377), (292, 390), (287, 408), (278, 424),
    (272, 440), (400, 440),
), middle=193)
BYSTANDER = Portrait(ADMIRAL, (4, 14, 512, 790), (
    (219, 30), (211, 40), (197, 47), (184, 60), (177, 71), (174, 84), (167, 89), (160, 97), (154, 109), (148, 115),
    (146, 123), (146, 170), (151, 180), (156, 185), (155, 189), (153, 198), (154, 214), (156, 220), (160, 227),
    (163, 240), (165, 254), (163, 264), (168, 274), (177, 281), (194, 292), (199, 301), (199, 318), (189, 331),
    (166, 342), (145, 350), (124, 357), (102, 362), (71, 371), (60, 379), (48, 387), (40, 401), (33, 422), (28, 440),
    (25, 470), (21, 510), (18, 545), (17, 600), (17, 810), (509, 810), (509, 540), (508, 480), (505, 440), (500, 414), (491, 394),
    (480, 386), (465, 377), (450, 372), (421, 363), (377, 345), (364, 340), (353, 332), (336, 325), (332, 318),
    (331, 311), (342, 302), (350, 290), (358, 270), (362, 259), (367, 235), (370, 222), (371, 210), (375, 195),
    (374, 187), (370, 182), (370, 166), (371, 135), (370, 118), (369, 101), (365, 89), (356, 86), (353, 82),
    (348, 71), (341, 61), (332, 53), (322, 45), (310, 40), (298, 37), (287, 30), (276, 26), (261, 23), (243, 24),
    (232, 26),
), hem=(530, 570))
# fmt: on


def cut_out(portrait: Portrait, height: int) -> Sprite:
    """Return the person of a portrait, with a box of `height` pixels.

    Raises:
        AssetError: The portrait cannot be fetched.
    """
    picture = np.asarray(read_image(fetch(portrait.asset)), np.uint8)
    x0, y0, x1, y1 = portrait.box_xyxy
    if portrait.hem:
        first, last = portrait.hem
        cloth = np.pad(picture[first:last], ((0, y1 - last), (0, 0), (0, 0)), mode="symmetric")
        picture = np.vstack([picture[:first], cloth])
    box = np.s_[y0:y1, x0:x1]
    scale = height / (y1 - y0)
    size_wh = (round((x1 - x0) * scale), height)
    colour = cv2.resize(_cleaned(picture, portrait)[box], size_wh, interpolation=cv2.INTER_CUBIC)
    outline = (np.array(portrait.outline, np.float64) + 0.5 - (x0, y0)) * scale - 0.5
    alpha = cv2.GaussianBlur(_filled(size_wh[::-1], outline), (0, 0), SOFT_PX * scale)
    return Sprite(np.asarray(colour, np.uint8), np.asarray(alpha, np.uint8))


def _cleaned(picture: BgrImage, portrait: Portrait) -> BgrImage:
    """Return the picture with the person's own colours beyond the outline, and behind the object in front."""
    inside = _filled(picture.shape[:2], np.array(portrait.outline, np.float64))
    near = np.ones((2 * EDGE_PX + 1,) * 2, np.uint8)
    # wide enough that background is never nearer to the outline than the person is
    unsure = cv2.dilate(inside, near, iterations=3) & ~cv2.erode(inside, near)
    if portrait.before:
        covered = _filled(picture.shape[:2], np.array(portrait.before, np.float64))
        columns = np.clip(2 * portrait.middle - np.arange(picture.shape[1]), 0, picture.shape[1] - 1)
        picture = np.where(covered[..., None] > 0, picture[:, columns], picture).astype(np.uint8)
        unsure |= cv2.morphologyEx(covered, cv2.MORPH_GRADIENT, near)
    return np.asarray(cv2.inpaint(picture, unsure, EDGE_PX, cv2.INPAINT_TELEA), np.uint8)


def _filled(shape: tuple[int, ...], outline: NDArray[np.float64]) -> SoftMask:
    """Return (h, w) uint8, 255 inside a polygon (n, 2) of x and y, with an edge that is exact to 1/16 pixel."""
    filled = np.zeros(shape, np.uint8)
    cv2.fillPoly(filled, [np.rint(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    return filled
