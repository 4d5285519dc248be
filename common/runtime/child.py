"""Runs a stage's loop, in the child that the supervisor forked."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import NoReturn

from common.errors import DeviceError, RunFolderGoneError, UserError
from common.metrics.metrics import metrics, path_of
from common.runtime.environment import process_name, under_honcho
from common.runtime.exit_codes import EXIT_CRASHED, EXIT_OK, EXIT_TERMINATED, EXIT_USAGE
from common.runtime.mistake_note import MistakeNote
from common.runtime.parent_watch import set_parent_death_signal
from common.runtime.procinfo import environment_of
from common.runtime.run_dir import check_own_files, open_run_dir
from common.runtime.stage_context import StageContext
from common.settings.base import Settings
from common.settings.loader import read_with_origin
from common.stages import settings_of

STOP_LIMIT_S = 10.0  # in which a stage that says a mistake does so, unless it was killed

log = logging.getLogger("onlyme")

Run = Callable[[Settings, StageContext], None]


def run_child(stage: str, package: str, context: StageContext, parent: int) -> NoReturn:
    """Run the loop of `package` with the settings of `stage`, and end this process with a code of exit_codes.

    It ends with `os._exit`: what the parent would clean up at its exit stays the parent's.
    """
    code = EXIT_CRASHED
    note = MistakeNote(context.honcho)
    for handler in logging.getLogger().handlers:
        handler.addFilter(note)
    try:
        set_parent_death_signal(parent)
        code = _run_loop(stage, package, context)
    except UserError as error:
        code = EXIT_USAGE
        if note.claim():
            log.error("%s", error)
        else:
            _wait_for_stop(context)
    except PermissionError as error:
        if error.filename is None:
            log.exception("crashed")
        else:
            log.error(
                "expected to be allowed to use %s, got: %s; mend its rights, or name another",
                error.filename,
                error.strerror,
            )
            code = EXIT_USAGE
    except (DeviceError, RunFolderGoneError) as error:
        log.error("%s", error)
    except SystemExit as asked:  # with 0 after --help
        code = EXIT_CRASHED if asked.code else EXIT_OK
    except Exception:
        log.exception("crashed")
    finally:
        try:
            _flush_output()
        finally:
            os._exit(code)


def _run_loop(stage: str, package: str, context: StageContext) -> int:
    """Read the settings, then run the loop until it ends; return the exit code."""
    terminated = False

    def on_signal(signum: int, frame: FrameType | None) -> None:
        nonlocal terminated
        terminated = True
        context.request_stop()

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, on_signal)
    metrics.set("restarts", context.restarts)
    before_honcho = None if context.honcho is None else environment_of(context.honcho)
    settings, context.fixed = read_with_origin(
        settings_of(stage), f"python -m {package}", sys.argv[1:], before_honcho=before_honcho
    )
    root = logging.getLogger()
    root.setLevel(settings.log_level.upper())
    context.heartbeat.log_level = root.level
    open_run_dir(settings.call_dir)
    name = process_name(package) if under_honcho() else f"{package}-{os.getpid()}"
    context.each_second += [check_own_files, partial(metrics.flush, path_of(settings.call_dir, name))]
    run: Run = importlib.import_module(f"{package}.loop").run
    run(settings, context)
    return EXIT_TERMINATED if terminated else EXIT_OK


def _wait_for_stop(context: StageContext) -> None:
    """Wait until honcho ends this stage, because the one that says the mistake has ended. Else it might be ended before it says it."""
    deadline = time.monotonic() + STOP_LIMIT_S
    while not context.should_stop() and time.monotonic() < deadline:
        time.sleep(0.05)


def _flush_output() -> None:
    """Write out what standard output and error still hold, where anybody reads them."""
    for stream in (sys.stdout, sys.stderr):
        try:
            print(end="", file=stream, flush=True)  # print also takes a stream that is None
        except (OSError, ValueError):  # closed at the other end, or here
            continue
