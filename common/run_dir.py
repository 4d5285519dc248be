"""The folder of a call's sockets, locks and figures."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from common.errors import ConfigError


def open_run_dir(run_dir: Path) -> Path:
    """Make the folder of sockets and locks, readable by its owner only.

    Raises:
        ConfigError: It belongs to somebody else, is no folder, or cannot be made.
    """
    try:
        run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = run_dir.lstat()
    except OSError as error:
        raise ConfigError(f"--run-dir: expected a folder that can be made, got {run_dir} ({error.strerror})") from None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise ConfigError(f"--run-dir: expected a folder of your own, got {run_dir}; choose another")
    if stat.S_IMODE(status.st_mode) != 0o700:
        run_dir.chmod(0o700)
    return run_dir
