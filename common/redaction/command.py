"""`onlyme redact IN... -o OUT`: redact recordings, every frame of them, with their sound.

Exit codes: 0, every output is whole; 3, the same, and a person should look; 2, a mistake in one line; 1, a failure; 130,
Ctrl-C. Of several files the worst counts.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import NoReturn

from common.command import environment
from common.errors import ConfigError, UserError
from common.redaction import on_ray
from common.redaction.one import Job
from common.redaction.outcome import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_LOOK, EXIT_MISTAKE, EXIT_OK
from common.redaction.progress import Bar, JsonLines, Reporter
from common.redaction.settings import PROG, Texts, declared, resolve
from common.redaction.shelf import Outcome, Plan, plan, run_one
from common.runtime.cores import available_cores
from common.runtime.private_files import be_private
from common.settings.base import flag_of, variable_of

WORST_LAST = (EXIT_OK, EXIT_LOOK, EXIT_MISTAKE, EXIT_FAILED, EXIT_INTERRUPTED)
OURS = ("inputs", "out", "workers", "jobs", "ray", "overwrite", "json")  # arguments that are no settings of the stages


def main() -> NoReturn:
    """Run the command line; exit with one of the codes above."""
    be_private()
    is_json = "--json" in sys.argv
    _catch_signals()
    try:
        code = _run(parser().parse_args())
    except UserError as error:
        code = EXIT_MISTAKE
        if is_json:
            JsonLines().error(str(error), code)
        else:
            print(f"{PROG}: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
        print(f"{PROG}: interrupted; what was found is kept, and the same command goes on with it", file=sys.stderr)
    except BrokenPipeError:  # nobody reads what is told: the program that started this one has ended
        code = EXIT_INTERRUPTED
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line; the settings among its flags are those that the stages declare."""
    made = OneLineParser(
        prog=PROG, description=__doc__.split("\n\n")[1], allow_abbrev=False, usage="onlyme redact IN... -o OUT [FLAGS]"
    )
    made.add_argument("inputs", nargs="+", type=_path, metavar="IN", help="video files, and folders of them")
    made.add_argument(
        "-o",
        "--out",
        type=_path,
        required=True,
        metavar="OUT",
        help="the film to write; of several files, their folder",
    )
    made.add_argument(
        "--workers", type=_at_least_one, metavar="N", help="processes that look for people in one file (default: one a core; with --ray 1)"
    )  # fmt: skip
    where = made.add_mutually_exclusive_group()
    where.add_argument("--jobs", type=_at_least_one, default=1, metavar="N", help="files at a time (default: 1)")
    where.add_argument(
        "--ray", metavar="ADDRESS", help="redact on the machines of this Ray: HOST:PORT of its head, or auto"
    )
    made.add_argument(
        "--overwrite", action="store_true", help="do again what is done, and replace outputs that are there"
    )
    made.add_argument("--json", action="store_true", help="one JSON object a line, for programs, instead of a bar")
    settings = made.add_argument_group("settings, which are variables too (docs/settings.md)")
    for name, field in declared().items():
        short = [field.metadata["short"]] if field.metadata["short"] else []
        default = "" if field.default in (None, ()) else f" (default: {field.default})"
        settings.add_argument(
            *short, flag_of(name), dest=name, metavar=name.rstrip("_").upper(), help=field.metadata["help"] + default
        )
    return made


def _run(given: argparse.Namespace) -> int:
    settings = resolve({name: value for name, value in vars(given).items() if name not in OURS})
    if (code := _fetch_model(settings)) != EXIT_OK:
        return code
    workers = given.workers or (1 if given.ray else max(1, available_cores() // given.jobs))
    planned = plan(given.inputs, given.out, settings, workers, overwrite=given.overwrite)
    if given.ray:
        on_ray.connect(given.ray, workers)
        _catch_signals()  # Ray has set handlers of its own
    reporter: Reporter = JsonLines() if given.json else Bar(planned.frames)
    code = EXIT_INTERRUPTED
    try:
        code = worst(on_ray.run_all(planned, reporter) if given.ray else run_all(planned, given.jobs, reporter))
    except UserError:
        code = EXIT_MISTAKE
        raise
    finally:
        reporter.close(code, len(planned.done))
    return code


def _fetch_model(settings: Texts) -> int:
    """Try once to fetch the small Mask R-CNN, as the first call does; return the exit code of that program."""
    return subprocess.call(
        [sys.executable, "-m", "infer.first_start"],
        env={**environment(), variable_of("mask_rcnn"): settings["mask_rcnn"]},
        stdout=sys.stderr.fileno(),  # standard output may be for a program
    )


def run_all(planned: Plan, at_once: int, reporter: Reporter) -> list[Outcome]:
    """Do all jobs, `at_once` of them at a time, on this machine.

    Raises:
        KeyboardInterrupt: Ctrl-C; no job runs any more.
    """
    stop = threading.Event()

    def do(job: Job) -> Outcome:
        planned.begin(job)
        outcome = run_one(job, reporter.progress, stop)
        planned.record(outcome)
        reporter.outcome(outcome)
        return outcome

    if at_once == 1:
        return [do(job) for job in planned.jobs]
    with ThreadPoolExecutor(at_once) as pool, ExitStack() as at_the_end:  # where all are done, it does nothing
        at_the_end.callback(pool.shutdown, cancel_futures=True)
        at_the_end.callback(stop.set)  # the last one comes first
        return list(pool.map(do, planned.jobs))


def worst(outcomes: Sequence[Outcome]) -> int:
    """Return the exit code of the worst outcome, 0 where there is none."""
    return max((outcome.code for outcome in outcomes), key=WORST_LAST.index, default=EXIT_OK)


def _path(text: str) -> Path:
    if not text:  # as of a variable that is not set: it would mean this folder
        raise argparse.ArgumentTypeError("expected a path, got an empty text")
    return Path(text)


def _at_least_one(text: str) -> int:
    try:
        if (value := int(text)) > 0:
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text!r}")


class OneLineParser(argparse.ArgumentParser):
    """Says a mistake in one line; argparse would print the whole usage."""

    def error(self, message: str) -> NoReturn:
        """See argparse.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(f"{message}; see --help")


def _catch_signals() -> None:
    """Take what asks this process to end as Ctrl-C is taken."""
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _interrupt)


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
