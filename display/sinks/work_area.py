"""Asks the X server how large the screen is, which OpenCV cannot tell."""

from __future__ import annotations

import ctypes

from display.sinks.window_place import Area

CARDINAL = 6  # type of a property that holds numbers (Xatom.h)


def work_area() -> Area | None:
    """Return the part of the screen that no panel or dock covers (_NET_WORKAREA of EWMH), the whole screen where no window
    manager says it, or None where no X server answers.

    With several monitors it spans all of them.
    """
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:  # a desktop without X's library has no window of OpenCV either
        return None
    x11.XOpenDisplay.restype = ctypes.c_void_p
    if not (opened := x11.XOpenDisplay(None)):
        return None
    display = ctypes.c_void_p(opened)
    try:
        screen = x11.XDefaultScreen(display)
        whole = Area(0, 0, x11.XDisplayWidth(display, screen), x11.XDisplayHeight(display, screen))
        return _property(x11, display) or whole
    finally:
        x11.XCloseDisplay(display)


def _property(x11: ctypes.CDLL, display: ctypes.c_void_p) -> Area | None:
    """Return the work area of the first desktop, None where no window manager says it."""
    x11.XDefaultRootWindow.restype = x11.XInternAtom.restype = ctypes.c_ulong
    root, name = x11.XDefaultRootWindow(display), x11.XInternAtom(display, b"_NET_WORKAREA", False)
    kind, count, left_over = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_ulong()
    bits, numbers = ctypes.c_int(), ctypes.POINTER(ctypes.c_ulong)()
    x11.XGetWindowProperty(
        display, ctypes.c_ulong(root), ctypes.c_ulong(name), ctypes.c_long(0), ctypes.c_long(4), False, ctypes.c_ulong(CARDINAL),
        ctypes.byref(kind), ctypes.byref(bits), ctypes.byref(count), ctypes.byref(left_over), ctypes.byref(numbers),
    )  # fmt: skip
    if not numbers:
        return None
    found = [int(number) for number in numbers[: count.value]]
    x11.XFree(numbers)
    return Area(*found) if len(found) == 4 and min(found[2:]) > 0 else None
