"""Many recordings: which of them are to be done, how one is done, and what is written down of it.

Whoever does them, threads of this machine or tasks on others, calls `plan` once, `Plan.begin` and then `run_one` for each job,
the latter wherever it likes, and `Plan.record` for each outcome.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.errors import ConfigError, RedactionError, SourceError, UserError
from common.readable import readable
from common.redaction.files import frames_in, output_names, recordings_in
from common.redaction.manifest import BEGUN, Manifest
from common.redaction.one import Job, run
from common.redaction.outcome import EXIT_FAILED, EXIT_MISTAKE, Redaction, Watch
from common.redaction.settings import Texts


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one job.

    Attributes:
        source, out: Of the job.
        code: The exit code that stands for it.
        error: One line, "" where there is an output.
        redaction: The output, None where there is none.
        log: The last lines of the stages where they failed.
    """

    source: Path
    out: Path
    code: int
    error: str = ""
    redaction: Redaction | None = None
    log: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what programs want to know, as JSON holds it."""
        found = {} if self.redaction is None else self.redaction.as_dict()
        return {**found, "source": str(self.source), "out": str(self.out), "code": self.code, "error": self.error}


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        jobs: In the order of their names.
        frames: How many frames each of them announces, 0 where it does not say.
        done: Sources whose outputs are there already.
        manifest: Where outcomes are written down; None for a single file.
    """

    jobs: list[Job]
    frames: dict[Path, int] = field(default_factory=dict)
    done: list[Path] = field(default_factory=list)
    manifest: Manifest | None = None

    def begin(self, job: Job) -> None:
        """Write down that a job is begun, before `run_one`.

        Raises:
            ConfigError: It cannot be written.
        """
        if self.manifest is not None and (job.overwrite or not job.out.exists()):
            self.manifest.begin(job.source, job.out)

    def record(self, outcome: Outcome) -> None:
        """Write down what became of a job.

        Raises:
            ConfigError: It cannot be written.
        """
        if self.manifest is None:
            return
        row = {**outcome.as_dict(), "source": str(outcome.source.absolute()), "out": str(outcome.out.absolute())}
        if outcome.redaction is not None:
            size, mtime_ns = _state_of(outcome.source)
            row |= {"size": size, "mtime_ns": mtime_ns, "out_size": _state_of(outcome.out)[0]}
        elif self.manifest.is_ours(outcome.source, outcome.out):
            row["code"] = BEGUN  # it failed to replace an earlier output, which stays ours
        self.manifest.add(row)


def plan(inputs: Sequence[Path], out: Path, settings: Texts, workers: int, *, overwrite: bool = False) -> Plan:
    """Return what is to be done for these inputs.

    Args:
        inputs: Files and folders. Of a folder every video file is taken, also from the folders in it.
        out: With one file, the output, or a folder that is there. Else the folder of the outputs, which is made if needed.
        settings: What `resolve` returned.
        workers: Processes that look for people in one recording.
        overwrite: Do again what is done, and replace outputs that are there.

    Raises:
        SourceError: An input is not there or cannot be read, or a folder holds no video file.
        ConfigError: `out` cannot be the folder of the outputs.
    """
    if len(inputs) == 1 and not inputs[0].is_dir():
        (name,) = output_names([Path(inputs[0].name)], settings["codec"]).values()
        path = out / name if out.is_dir() else out
        return Plan([Job(inputs[0], path, settings, workers, overwrite)], {inputs[0]: frames_in(inputs[0]) or 0})
    places = _places(inputs, out, settings["codec"])
    _make_folder(out)
    manifest = Manifest(out)
    made = Plan([], manifest=manifest)
    for source, path in places.items():
        if not overwrite and manifest.is_done(source, path, settings):
            made.done.append(source)
            continue
        _make_folder(path.parent)
        # an output that this source has given before is out of date
        made.jobs.append(Job(source, path, settings, workers, overwrite or manifest.is_ours(source, path)))
        made.frames[source] = frames_in(source) or 0
    return made


def run_one(job: Job, progress: Watch | None = None, stop: threading.Event | None = None) -> Outcome:
    """Do one job; a mistake or a failure is an outcome too.

    Raises:
        KeyboardInterrupt: `stop` was set.
    """
    try:
        done = run(job, progress, stop)
    except UserError as error:
        return Outcome(job.source, job.out, EXIT_MISTAKE, str(error))
    except RedactionError as error:
        return Outcome(job.source, job.out, EXIT_FAILED, str(error), log=error.log)
    return Outcome(job.source, job.out, done.code, redaction=done)


def _state_of(path: Path) -> tuple[int, int]:
    """Return size and time of a file; what no file has where it has gone meanwhile, so that it is looked at next time."""
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _places(inputs: Sequence[Path], out: Path, codec: str) -> dict[Path, Path]:
    """Return the output of each recording in the inputs."""
    places: dict[Path, Path] = {}
    folders = [path for path in inputs if path.is_dir()]
    for folder in folders:
        if out.resolve() == folder.resolve():
            raise ConfigError(f"--out: expected another folder than {folder}, got the same; name another")
        with readable("IN", folder, SourceError):
            found = [path.relative_to(folder) for path in recordings_in(folder, leave_out=_inside(folder, out))]
        if not found:
            raise SourceError(f"IN: expected a folder with video files, got none in {folder}; check the folder")
        places |= {folder / source: out / name for source, name in output_names(found, codec).items()}
    files = [path for path in inputs if not path.is_dir()]
    named = output_names([Path(path.name) for path in files], codec)
    places |= {path: out / named[Path(path.name)] for path in files}
    stems = Counter(path.with_suffix("") for path in places.values())  # the files beside an output are named after it
    if twice := [path for path in places.values() if stems[path.with_suffix("")] > 1]:
        raise ConfigError(
            f"--out: expected inputs whose names differ, got several for {twice[0].with_suffix('')}; give them folders of "
            "their own"
        )
    return places


def _inside(folder: Path, out: Path) -> Path:
    """Return the folder of the outputs as a path that begins as `folder` does, where it lies inside."""
    if out.resolve().is_relative_to(folder.resolve()):
        return folder / out.resolve().relative_to(folder.resolve())
    return out


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"--out: expected a folder that can be made, got {folder} ({error.strerror}); name another"
        ) from None
