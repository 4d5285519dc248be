"""Has a mistake of the user said once in a call, as the last line of all stages.

Some mistakes, such as an unknown setting, are found by every stage. The stage that finds one first leaves a note for this call;
the other stages say nothing from then on, and honcho ends them. The note lies in the default run folder, also where the user
chose another one, because the mistake may be in the settings that name it. Its name holds pid and start time of honcho, which
tell one call from all others.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from common.errors import ConfigError
from common.runtime.procinfo import is_running, start_time
from common.runtime.run_dir import open_run_dir
from common.settings.base import Settings

PREFIX = "mistake-"
SETTLE_S = 0.5  # honcho prints lines of different stages in the order in which it gets them: those of before go first


class MistakeNote(logging.Filter):
    """Knows whether a mistake was said in this call. As a filter of a handler it drops what this stage would say after it.

    Args:
        honcho: Pid of the honcho that runs this call, None where there is none: then nobody else would say the same.
    """

    def __init__(self, honcho: int | None) -> None:
        super().__init__()
        self._is_ours = False
        self._path = None if honcho is None else _path_of(honcho)

    def claim(self) -> bool:
        """Return whether this stage is to say a mistake; False if another one has said one, or is saying it.

        It returns after the others have fallen silent. Where no note can be left the mistake is said, perhaps by several stages.
        """
        try:
            if self._path is not None:
                _remove_old(open_run_dir(self._path.parent))
                os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                time.sleep(SETTLE_S)
        except FileExistsError:
            return False
        except (ConfigError, OSError):  # such as a folder of somebody else, or a full disk
            self._path = None
        self._is_ours = True
        return True

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter."""
        if self._is_ours or self._path is None:
            return True
        try:
            return self._path.lstat().st_uid != os.getuid()
        except OSError:  # there is none
            return True


def _path_of(honcho: int) -> Path | None:
    """Return where the note of a call is left, None if that cannot be told."""
    try:
        started = start_time(honcho)
        return None if started is None else Settings().call_dir / f"{PREFIX}{honcho}-{started}"
    except (ConfigError, OSError):
        return None


def _remove_old(folder: Path) -> None:
    """Remove the notes of calls that have ended."""
    for note in folder.glob(f"{PREFIX}*"):
        pid, _, started = note.name.removeprefix(PREFIX).partition("-")
        if not (pid.isdecimal() and started.isdecimal() and is_running(int(pid), int(started))):
            note.unlink(missing_ok=True)
