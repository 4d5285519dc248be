"""Does one recording on a node of Ray, if that node is as the machine that asks for it."""

from __future__ import annotations

import platform
from typing import NamedTuple

from common.errors import UserError
from common.redaction.attempt import attempt
from common.redaction.key import output_key
from common.redaction.one import Job
from common.redaction.outcome import EXIT_MISTAKE, Watch
from common.redaction.shelf import Outcome, run_one
from common.runtime.private_files import be_private


class Alike(NamedTuple):
    """What must be the same on a node as on the machine that asks.

    size: Bytes of the source.
    key: Digest of the version, the networks and the settings.
    """

    size: int
    key: str

    @classmethod
    def of(cls, job: Job) -> Alike:
        """Return it for this machine.

        Raises:
            OSError: The source cannot be read.
            ModelError: A file of the model cannot be read.
        """
        return cls(job.source.stat().st_size, output_key("", job.settings))


def redact_here(job: Job, alike: Alike, tell: Watch) -> Outcome:
    """Do one job as an attempt of its own, or say in one line what is missing here.

    Args:
        job: What to do; its paths are absolute.
        alike: Of the machine that asks.
        tell: Is called four times a second.

    Raises:
        KeyboardInterrupt: The task was cancelled.
    """
    be_private()
    if missing := _missing(job, alike):
        return Outcome(job.source, job.out, EXIT_MISTAKE, missing)
    return attempt(job, lambda own: run_one(own, tell))


def _missing(job: Job, alike: Alike) -> str:
    """Return what keeps this node from doing the job, "" if nothing does."""
    node = platform.node()
    shared = "keep sources and outputs on a file system that every node has at the same path"
    try:
        here = Alike.of(job)
    except UserError as error:
        return f"{job.source}: on {node}: {error}"
    except OSError as error:
        return f"{job.source}: expected a file that every node sees, got none on {node} ({error.strerror}); {shared}"
    if not job.out.parent.is_dir():
        return f"{job.out}: expected a folder that every node sees, got no {job.out.parent} on {node}; {shared}"
    if here.size != alike.size:
        return f"{job.source}: expected the same file on every node, got one of another size on {node}; {shared}"
    if here.key != alike.key:
        return f"{job.source}: expected the same onlyme and model on every node, got others on {node}; install the same there"
    return ""
