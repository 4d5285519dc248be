"""What the C library does with memory that is freed."""

from __future__ import annotations

import contextlib
import ctypes

# mallopt(3) of glibc, which takes no M_MMAP_THRESHOLD over 32 MB
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_KEPT, MOST_KEPT = 32 << 20, 64 << 20  # bytes of one array, and free in all


def keep_freed() -> None:
    """Keep freed memory for the next frame's arrays, which are as large as this one's.

    By default glibc gives the end of the heap back to the kernel again and again, and gets it anew page by page: 930
    page faults for each frame of 720p, a quarter of compose's time. Elsewhere than on glibc nothing is done.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
        mallopt(M_TRIM_THRESHOLD, MOST_KEPT)
