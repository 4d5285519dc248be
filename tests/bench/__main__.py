"""`make bench`, or `python -m tests.bench NAME ...` for some of the tables."""

from __future__ import annotations

import os
import platform
import sys

import cv2

from tests.bench import compose_cost, footage, forward, people, remote, transport, whole
from tests.shared import MASK_RCNN

TABLES = {
    "ring": transport.ring,
    "messages": transport.messages,
    "call": whole.main,
    "compose": compose_cost.main,
    "proposals": forward.proposals,
    "workers": forward.workers,
    "latency": footage.latency,
    "footage": footage.main,
    "refine": footage.refine,
    "people": people.main,
    "remote": remote.main,
}
NEED_MODEL = {"proposals", "workers", "latency", "footage", "refine", "remote", "call"}


def main() -> None:
    names = sys.argv[1:] or list(TABLES)
    if unknown := set(names) - set(TABLES):
        sys.exit(f"bench: expected some of {', '.join(TABLES)}, got {', '.join(sorted(unknown))}")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, OpenCV {cv2.__version__}")
    for name in names:
        if name in NEED_MODEL and not MASK_RCNN.is_dir():
            print(f"\n{name}: left out, {MASK_RCNN} is not there")
            continue
        TABLES[name]()


if __name__ == "__main__":
    main()
