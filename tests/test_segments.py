"""Whose a segment is, as the tests see it: without this a leak could be taken for another call's, or the other way round."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.ipc.ring import RingWriter, new_epoch
from tests.segments import MARK, new_since, segment_names, segments_of
from tests.shared import ROOT

WRITER = """
from common.ipc.ring import RingWriter, new_epoch
with RingWriter("whose", (6, 8, 3), 4, new_epoch()) as writer:
    print(writer.name, flush=True)
    input()
"""


@contextmanager
def writer(env: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that holds a ring until its input ends; the process and the name of the segment."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER], cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()


def test_segments_of_another_call_are_not_counted_and_every_other_is(run_dir: Path) -> None:
    others = {k: v for k, v in os.environ.items() if k not in (MARK, "ONLYME_RUN_DIR")}
    ours = {**others, MARK: os.environ[MARK], "ONLYME_RUN_DIR": str(run_dir)}
    before = segment_names()
    with writer(others) as (_, foreign), writer(ours) as (process, own):
        assert segment_names() - before >= {foreign, own}
        assert new_since(before) == {own}
        assert segments_of(run_dir) == {own}
        process.kill()
        process.wait()
        assert new_since(before) == {own}, "a killed process of the tests has left it"
        Path("/dev/shm", own).unlink()
        with RingWriter("whose", (6, 8, 3), 4, new_epoch()) as here:
            assert new_since(before) == {here.name}, "this process is the tests' own too"
    assert new_since(before) == set()
