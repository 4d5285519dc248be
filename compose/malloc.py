"""Tune what the C library does with freed memory."""

from __future__ import annotations

import contextlib
import ctypes

# of mallopt(3) in glibc, which accepts no M_MMAP_THRESHOLD over 32 MB
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
MMAP_THRESHOLD, TRIM_THRESHOLD = 32 << 20, 64 << 20  # bytes of one array, and of all free memory


def tune_malloc() -> None:
    """Keep freed memory for the arrays of the next frame, which have the same sizes.

    By default glibc returns the end of the heap to the kernel again and again, and gets it back page by page: 930 page faults
    for each frame of 720p, a quarter of compose's time. Without glibc this does nothing.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD)
        mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD)
