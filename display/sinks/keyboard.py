"""Converts key codes to letters, digits and the question mark. Pure."""

from __future__ import annotations

HARMLESS = 1 | 2 | 16  # Shift, Caps Lock and Num Lock (X11 state mask: ShiftMask, LockMask, Mod2Mask)


def key_of(code: int) -> str:
    """Return the lower-case letter or the digit of a key, or "?"; "" for other keys and while Ctrl, Alt or the like is known to be held.

    The whole code is needed: Print Screen is 0xFF61, whose lower byte is "a".

    Args:
        code: Result of cv2.pollKey, -1 for no key. With Qt: ASCII, also for digits of the keypad, else the X keysym; Qt
            reports no key while only Ctrl is held, and does not report other modifiers. With GTK: the X keysym, and the
            X11 state mask in the bits from 16 on.
    """
    keysym, state = code & 0xFFFF, code >> 16
    if code < 0 or keysym > 0x7F or state & ~HARMLESS:
        return ""
    letter = chr(keysym).lower()
    return letter if letter.isalnum() or letter == "?" else ""
