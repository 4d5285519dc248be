"""A stage's child: settings, then the loop, which asks at each turn whether to stop."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType

from common.errors import DeviceError, UserError
from common.metrics.metrics import metrics, path_of
from common.runtime.environment import process_name, under_honcho
from common.runtime.exit_codes import EXIT_CRASHED, EXIT_OK, EXIT_TERMINATED, EXIT_USAGE
from common.runtime.run_dir import open_run_dir
from common.runtime.stage_context import StageContext
from common.settings.base import Settings
from common.settings.loader import read_settings
from common.stages import settings_of

PR_SET_PDEATHSIG = 1  # prctl(2)

log = logging.getLogger("onlyme")

Run = Callable[[Settings, StageContext], None]


def work(stage: str, package: str, context: StageContext) -> int:
    """Read the settings of `stage`, import `package`.loop and run it.

    Returns:
        The exit code.

    Raises:
        SystemExit: `--help` was asked for.
    """
    told = False

    def on_signal(signum: int, frame: FrameType | None) -> None:
        nonlocal told
        told = True
        context.request_stop()

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, on_signal)
    metrics.set("restarts", context.restarts)
    try:
        settings = read_settings(settings_of(stage), f"python -m {package}", sys.argv[1:])
        root = logging.getLogger()
        root.setLevel(settings.log_level.upper())
        context.pulse.log_level = root.level
        open_run_dir(settings.call_dir)
        name = process_name(package) if under_honcho() else f"{package}-{os.getpid()}"
        context.each_second.append(partial(metrics.flush, path_of(settings.call_dir, name)))
        run: Run = importlib.import_module(f"{package}.loop").run
        run(settings, context)
    except UserError as error:
        log.error("%s", error)
        return EXIT_USAGE
    except DeviceError as error:
        log.error("%s", error)
        return EXIT_CRASHED
    return EXIT_TERMINATED if told else EXIT_OK


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends (Linux); StageContext checks the parent too, everywhere."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before that
        os._exit(EXIT_CRASHED)
