"""Which letter or digit a key is. Pure."""

from __future__ import annotations

HARMLESS = 1 | 2 | 16  # Shift, Caps Lock and Num Lock (X11 state mask: ShiftMask, LockMask, Mod2Mask)


def key_of(code: int) -> str:
    """Return the lower-case letter or the digit of a key, "" for every other key and where Ctrl, Alt or the like is known to
    be held.

    Only the whole code tells them apart: Print Screen is 0xFF61, whose lower byte is "a".

    Args:
        code: As cv2.pollKey gives it, -1 for none. With Qt, which gives nothing where Ctrl is the only one held, and tells
            of no other: ASCII, keypad digits too, else the X keysym. With GTK: the X keysym, and the X11 state mask in the bits above 16.
    """
    keysym, state = code & 0xFFFF, code >> 16
    if code < 0 or keysym > 0x7F or state & ~HARMLESS:
        return ""
    letter = chr(keysym).lower()
    return letter if letter.isalnum() else ""
