"""Redacts one recording: what the command and the tasks on other machines call."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.errors import ConfigError, OnlymeError, RedactionError, SourceError, UserError
from common.metrics.metrics import read_samples
from common.readable import readable
from common.redaction.call import AGAIN, Call
from common.redaction.facts import Facts
from common.redaction.key import output_key, results_key, sha256_of
from common.redaction.outcome import EXIT_MISTAKE, Progress, Redaction, Watch
from common.redaction.report import write_report
from common.redaction.results import ResultsFile, key_in, model_in
from common.redaction.settings import Texts, stage_variables
from common.redaction.summary import Summary
from common.redaction.workplace import Workplace
from common.runtime.install import CODE, version

POLL_S = 0.25
RESULTS, REPORT = ".results.jsonl", ".report.html"  # beside the output, behind its name without the suffix
Reported = tuple[Summary, float]  # what the report says in short, and how many seconds all took until it was made


@dataclass(frozen=True, slots=True)
class Job:
    """One recording to redact.

    Attributes:
        source: A video file.
        out: The film to write; its suffix says which container.
        settings: What `resolve` returned.
        workers: Processes that look for people, at least 1.
        overwrite: Replace an output that is there.
        procfile: Which programs the stages are.
    """

    source: Path
    out: Path
    settings: Texts
    workers: int
    overwrite: bool = False
    procfile: Path = CODE / "Procfile"

    @property
    def results(self) -> Path:
        """The file beside the output that keeps what was found."""
        return self.out.with_name(self.out.stem + RESULTS)

    @property
    def report(self) -> Path:
        """The report beside the output."""
        return self.out.with_name(self.out.stem + REPORT)


def run(job: Job, progress: Watch | None = None, stop: threading.Event | None = None) -> Redaction:
    """Redact one recording.

    Args:
        job: What to do.
        progress: Is called four times a second.
        stop: Ends the run when it is set, as Ctrl-C does.

    Raises:
        UserError: One line about what the user can mend, such as a source that is no video.
        RedactionError: The stages failed; its text is one line too, and nothing was written.
        KeyboardInterrupt: `stop` was set.
    """
    started = time.monotonic()
    check_paths(job)
    with ExitStack() as on_leaving:
        with _making(job):
            place = on_leaving.enter_context(Workplace(job.out))
            refuse_existing(job)  # here, where no other process can make it meanwhile
            before, source_sha256 = _state_of(job.source), sha256_of(job.source)
            _prepare_results(job, results_key(source_sha256, job.settings))
            on_leaving.callback(_remove_empty, job.results)
        account, seconds = _run_stages(
            job,
            place,
            started,
            progress,
            stop,
            make_report=lambda: _make_report(job, place, source_sha256, started, before),
        )
        with _making(job):
            _publish(place.report, job.report)
            _publish(place.film, job.out)
    return Redaction(
        job.out, job.report, account.frames, account.shown, account.frames - account.shown, len(account.moments),
        account.needs_look, seconds, source_sha256, output_key(source_sha256, job.settings),
    )  # fmt: skip


@contextmanager
def _making(job: Job) -> Iterator[None]:
    """Say in one line what of the output, or of what lies beside it, cannot be made."""
    try:
        yield
    except OSError as error:
        text = f"{job.out}: cannot be made ({error.filename or job.out.parent}: {error.strerror or error})"
        if error.errno == errno.ENOSPC:
            raise ConfigError(f"{text}; make room, and start again: what was found is kept") from None
        raise ConfigError(f"{text}; mend it, or name another output") from None


def check_paths(job: Job) -> None:
    """Refuse what would fail later, before anything is made.

    Raises:
        SourceError, ConfigError: The source cannot be read, or the output cannot be made.
    """
    with readable("IN", job.source, SourceError):
        if not job.source.is_file():
            got = "a folder" if job.source.is_dir() else "no file" if job.source.exists() else "not there"
            raise SourceError(f"IN: expected a video file, got {job.source} ({got}); check the path")
        job.source.open("rb").close()
    with readable("--out", job.out, ConfigError):
        if not job.out.parent.is_dir():
            raise ConfigError(f"--out: expected a folder that is there, got {job.out.parent}; make it, or name another")
        if job.out.is_dir():
            raise ConfigError(f"--out: expected a file to write, got {job.out} (a folder); name a file in it")
        if job.out.exists() and job.out.samefile(job.source):
            raise ConfigError(f"--out: expected another file than the source, got {job.out}; name another")


def refuse_existing(job: Job) -> None:
    """Refuse to replace an output that nobody has asked to replace.

    Raises:
        ConfigError: It is there.
    """
    if job.out.exists() and not job.overwrite:
        raise ConfigError(
            f"--out: expected a new file, got {job.out}, which is there; name another, or add --overwrite"
        )


def _state_of(source: Path) -> tuple[int, int, int]:
    status = source.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _prepare_results(job: Job, key: str) -> None:
    """Have a file of results for this key: the one that is there, or else a new one."""
    if key_in(job.results) not in (None, key):
        with ResultsFile(job.results, writes=True):  # nobody else is writing it
            job.results.unlink()
    if not job.results.exists():
        ResultsFile.create(job.results, key, version())


def _remove_empty(results: Path) -> None:
    """Remove a file of results without any, as of a source that turned out to be no video."""
    if model_in(results) is None:
        results.unlink()


def _make_report(
    job: Job, place: Workplace, source_sha256: str, started: float, before: tuple[int, int, int]
) -> Reported:
    """Write the report of a film that is whole."""
    with _making(job):
        if _state_of(job.source) != before:
            raise SourceError(f"{job.source}: it changed while it was read; start again when it is whole")
        if not place.film.is_file():
            raise RedactionError(f"{job.source}: the stages were ended by somebody else; {AGAIN}")
        seconds = time.monotonic() - started
        facts = Facts(
            source_name=job.source.name,
            source_sha256=source_sha256,
            out_name=job.out.name,
            model=model_in(job.results) or "",
            version=version(),
            settings=_without_folders(job.settings),
            seconds=seconds,
            workers=job.workers,
        )
        return write_report(place.judgements, place.film, facts, place.report), seconds


def _run_stages(
    job: Job,
    place: Workplace,
    started: float,
    progress: Watch | None,
    stop: threading.Event | None,
    *,
    make_report: Callable[[], Reported],
) -> Reported:
    """Run the stages to their end, and have the report made while they end: then the film already has its name."""
    of_this_run = {
        "source": job.source.absolute(),
        "out": place.film.absolute(),
        "results": job.results.absolute(),
        "judgements": place.judgements.absolute(),
        "run_dir": place.run_dir,
    }
    variables = stage_variables(job.settings, of_this_run)
    made: Reported | None = None
    told = Progress(job.source, 0, 0, 0.0)
    with Call(variables, job.workers, place.log, job.procfile) as call:
        while (code := call.wait(POLL_S)) is None:
            if stop is not None and stop.is_set():
                raise KeyboardInterrupt
            if progress is not None:
                told = _progress(told, place.run_dir, time.monotonic() - started)
                progress(told)
            if made is None and place.film.is_file():
                made = make_report()
        if code != 0:
            raise _failure(code, call, job, place)
    return made or make_report()


def _failure(code: int, call: Call, job: Job, place: Workplace) -> OnlymeError:
    """Return what to raise where honcho ended with a code that is not 0."""
    said = call.reason().replace(str(place.film.absolute()), str(job.out))
    text = f"{job.source}: {said}"
    return UserError(text) if code == EXIT_MISTAKE else RedactionError(text, call.tail())


def _progress(before: Progress, run_dir: Path, seconds: float) -> Progress:
    """Return how far the stages are. One that has ended says nothing any more, and what it has done stays done."""
    found = {sample.name: int(sample.value) for sample in read_samples(run_dir)}
    frames = max(before.frames, found.get("frames_written", 0))
    return Progress(before.source, frames, max(before.expected, found.get("recording_frames", 0)), seconds)


def _without_folders(settings: Texts) -> Texts:
    """Return settings as others may read them: who is given the report need not know the folders of this machine."""
    return {name: "…/" + value.rpartition("/")[2] if "/" in value else value for name, value in settings.items()}


def _publish(made: Path, path: Path) -> None:
    """Give a whole file its name, in place of one that is there."""
    with made.open("rb") as file:
        os.fsync(file.fileno())  # else a power cut could leave the name without the content
    os.replace(made, path)
