"""`from onlyme import redact` of an installed copy: runs `onlyme redact` as a process of its own.

The packages of onlyme call each other by names such as `common`, which belong to nobody in another program. So that program
loads this module only, which imports none of them, and gets its answers as JSON lines.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Unpack

from ..command import environment
from .outcome import EXIT_INTERRUPTED, Options, Progress, Redaction, Watch


class RedactionError(Exception):
    """Nothing was written.

    Args:
        text: One line that says why.
        code: The exit code of `onlyme redact`: 2 for what the caller can mend, 1 for a failure.
        log: The last lines that the stages printed, where they failed.
    """

    def __init__(self, text: str, code: int, log: list[str]) -> None:
        super().__init__(text)
        self.code, self.log = code, log


def redact(
    source: str | Path,
    out: str | Path,
    *,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Watch | None = None,
    **settings: Unpack[Options],
) -> Redaction:
    """Redact one recording.

    Args:
        source: A video file.
        out: The film to write; it appears when it is whole.
        workers: Processes that look for people; one a core by default.
        overwrite: Replace an output that is there.
        progress: Is called about once a second.
        settings: See Options.

    Raises:
        RedactionError: Nothing was written.
        TypeError: There is no such setting.
        KeyboardInterrupt: It was interrupted; the same call goes on with what was found.
    """
    if unknown := settings.keys() - Options.__annotations__.keys():
        raise TypeError(f"no such setting of a redaction: {', '.join(sorted(unknown))}")
    flags = {name: value for name, value in {**settings, "workers": workers}.items() if value is not None}
    command = [
        sys.executable, "-m", "common.redaction", "--json", f"--out={os.fspath(out)}",
        *(["--overwrite"] if overwrite else []),
        *(f"--{name.rstrip('_').replace('_', '-')}={_text_of(value)}" for name, value in flags.items()),
        "--", os.fspath(source),
    ]  # fmt: skip
    told: dict[str, Any] = {"error": "it ended without an answer", "code": 1, "log": []}
    with (
        subprocess.Popen(
            command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        ) as process,
        ExitStack() as on_failure,
    ):
        on_failure.callback(process.terminate)  # it ends its stages and removes what it has begun
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "progress" and progress is not None:
                progress(Progress(Path(source), event["frames"], event["expected"], event["seconds"]))
            if event["event"] in ("outcome", "error"):
                told = event
        on_failure.pop_all()
    if process.returncode == EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    if told["error"]:
        raise RedactionError(told["error"], told["code"], told.get("log", []))
    return Redaction.from_dict(told)


def _text_of(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
