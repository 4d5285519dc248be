"""Attempts at one recording, of which no two ever write the same file, on whichever machines they run.

A task is tried again when its machine is believed dead, and a machine that is believed dead may still be at work. So an
attempt works in a folder of its own beside the output, and moves what is whole from there to its place. Whoever begins moves
the folders of earlier attempts into its own first. That is one rename(2), after which an earlier attempt finds nothing under
its paths any more and cannot publish: of several attempts the last one gives the output.
"""

from __future__ import annotations

import glob
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from common.redaction.one import Job
from common.redaction.outcome import EXIT_FAILED
from common.redaction.shelf import Outcome


def attempt(job: Job, do: Callable[[Job], Outcome]) -> Outcome:
    """Do one job in a folder of its own; go on with the results of an earlier attempt.

    Args:
        job: Its output is replaced if it is there: an earlier attempt may have published it.
        do: Does the job that it is given, which is `job` in another folder.

    Raises:
        OSError: The folder cannot be made, or what is whole cannot be moved to its place.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"{_prefix(job.out)}{platform.node()}-{os.getpid()}-", dir=job.out.parent))
    own = replace(job, out=folder / job.out.name)
    _take_over(job, own)
    try:
        outcome = replace(do(own), out=job.out)
        folder.stat()
        for made, path in ((own.results, job.results), (own.report, job.report), (own.out, job.out)):  # the film last
            if made.exists():
                os.replace(made, path)
    except FileNotFoundError:
        if folder.exists():
            raise
        return Outcome(job.source, job.out, EXIT_FAILED, f"{job.source}: another attempt has taken it over")
    shutil.rmtree(folder)
    if outcome.redaction is not None:
        return replace(outcome, redaction=replace(outcome.redaction, out=job.out, report=job.report))
    return outcome


def _prefix(out: Path) -> str:
    """Return how the names of all attempts' folders begin; the rest says which machine and process is at work there."""
    return f".{out.name}.attempt-"


def _take_over(job: Job, own: Job) -> None:
    """Keep earlier attempts from publishing, and copy what the last of them found, or else what lies beside the output."""
    folder, begun = own.out.parent, []
    for number, path in enumerate(job.out.parent.glob(f"{glob.escape(_prefix(job.out))}*")):
        if path != folder:
            with suppress(FileNotFoundError):  # it has just published, or another attempt has taken it over
                begun.append(path.rename(folder / f"earlier-{number}"))
    found = [path / own.results.name for path in begun if (path / own.results.name).exists()]
    found.sort(key=lambda path: path.stat().st_mtime_ns)
    for path in (found or [job.results])[-1:]:
        with suppress(FileNotFoundError):
            shutil.copyfile(path, own.results)
    for path in begun:
        shutil.rmtree(path)
