from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.runtime import cores
from common.runtime.cores import available_cores


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine of 16 cores without a limit, whose control groups are in a folder of the test."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))
    monkeypatch.setattr(cores, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(cores, "MEMBERSHIP", tmp_path / "self")
    available_cores.cache_clear()
    yield tmp_path
    available_cores.cache_clear()


CONTAINER_OF_V1 = {"cpu,cpuacct/cpu.cfs_quota_us": "300000", "cpu,cpuacct/cpu.cfs_period_us": "100000"}


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("0::/", {}, 16),
        ("0::/", {"cpu.max": "200000 100000"}, 2),  # in a container, which sees its own group as the first
        ("0::/", {"cpu.max": "max 100000"}, 16),
        ("0::/", {"cpu.max": "50000 100000"}, 1),
        ("0::/", {"cpu.max": "3200000 100000"}, 16),
        ("0::/", {"cpu.max": "nonsense"}, 16),
        ("0::/a.slice/b.scope", {"a.slice/cpu.max": "400000 100000", "a.slice/b.scope/cpu.max": "max 100000"}, 4),
        ("0::/a.slice/b.scope", {"a.slice/cpu.max": "400000 100000", "a.slice/b.scope/cpu.max": "350000 100000"}, 3),
        ("0::/a.slice", {"other.slice/cpu.max": "100000 100000"}, 16),
        ("1:cpu,cpuacct:/docker/x", CONTAINER_OF_V1, 3),  # whose path is that of the machine
        ("3:cpuset:/\n2:cpu:/x\n0::/", {"cpu/x/cpu.cfs_quota_us": "200000", "cpu/x/cpu.cfs_period_us": "50000"}, 4),
        ("2:cpu:/x", {"cpu/x/cpu.cfs_quota_us": "-1", "cpu/x/cpu.cfs_period_us": "50000"}, 16),
        ("2:memory:/x", {"memory/x/cpu.max": "100000 100000"}, 16),
        ("0::/x", {"unified/x/cpu.max": "500000 100000"}, 5),
    ],
)
def test_a_quota_on_a_group_or_above_it_counts(
    groups: str, files: dict[str, str], expected: int, machine: Path
) -> None:
    (machine / "self").write_text(f"{groups}\n")
    for name, content in files.items():
        path = machine / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    assert available_cores() == expected


def test_without_control_groups_the_cores_are_those_it_is_pinned_to(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5})
    assert available_cores() == 2
