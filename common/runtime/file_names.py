"""Tells names of files that libraries cannot take."""

from __future__ import annotations

from pathlib import Path


def is_utf_8(path: Path) -> bool:
    """Return whether the bytes of a name are UTF-8. OpenCV, ONNX Runtime and ZeroMQ open no other names.

    Linux allows any bytes in a name; Python holds those that are no UTF-8 as lone surrogates (os.fsdecode).
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
