"""Tells how many cores this process may use: those that it is pinned to (taskset), and no more than its control groups allow.

A container sees all cores of the machine, also where `docker run --cpus 2` lets it use two. Threads beyond the quota do not
run in parallel: the kernel stops the whole group for the rest of each period.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")  # lines ID:CONTROLLERS:PATH, cgroups(7)


@cache
def available_cores() -> int:
    """Return the number of cores that this process may use, at least 1; a part of a core is not counted."""
    return max(1, min([len(os.sched_getaffinity(0)), *(int(quota) for quota in _quotas(CGROUPS, MEMBERSHIP))]))


def _quotas(cgroups: Path, membership: Path) -> Iterator[float]:
    """Yield every limit, in cores, on the control groups of this process and on those above them.

    Args:
        cgroups: Where control groups are mounted.
        membership: File that names the groups of this process.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # version 2 has no controllers in this file; beside version 1 it is mounted in a folder of its own
        mounts = [cgroups / controllers, cgroups / "cpu"] if controllers else [cgroups, cgroups / "unified"]
        for mount in mounts:
            group = mount / path.lstrip("/")
            for folder in (group, *group.parents):
                if folder.is_relative_to(mount):
                    yield from _quota_of(folder)


def _quota_of(folder: Path) -> Iterator[float]:
    """Yield the limit on one control group, in cores, if it has one. Both versions write microseconds; -1 and max mean none."""
    for read in (_read_cpu_max, _read_cfs):
        try:
            quota, period = read(folder)
        except (OSError, ValueError):  # no such file, or "max"
            continue
        if quota > 0 and period > 0:
            yield quota / period


def _read_cpu_max(folder: Path) -> tuple[int, int]:
    quota, period = (folder / "cpu.max").read_text().split()
    return int(quota), int(period)


def _read_cfs(folder: Path) -> tuple[int, int]:
    return int((folder / "cpu.cfs_quota_us").read_text()), int((folder / "cpu.cfs_period_us").read_text())
