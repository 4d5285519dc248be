"""A source whose redaction is played by fakes, and the processes that redact it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from common.redaction.one import Job
from common.redaction.settings import STAGES, resolve
from tests.capture.sources.films import evenly, write_film
from tests.shared import ROOT

# the command line, with fakes for stages
COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from functools import partial
from pathlib import Path
from common.redaction import command, shelf
shelf.Job = partial(shelf.Job, procfile=Path(sys.argv.pop(1)))
command.main()
"""


def source(folder: Path, name: str = "call.mp4", **play: Any) -> Path:
    """Write a film of 4 pictures, and beside it how the fakes play."""
    folder.mkdir(exist_ok=True, parents=True)
    path = write_film(folder / name, evenly(4, 25))
    path.with_suffix(".play").write_text(json.dumps(play))
    return path


def procfile(folder: Path) -> Path:
    """Write a Procfile of fakes."""
    path = folder / "Procfile"
    lines = (f"{stage}: exec {sys.executable} -m tests.common.redaction.fake_stage {stage}\n" for stage in STAGES)
    path.write_text("".join(lines))
    return path


def job(source: Path, out: Path, *, overwrite: bool = False, **settings: object) -> Job:
    """A job with the settings of nobody's environment."""
    none = source.with_name("no-dotenv")
    found = resolve({"mask_rcnn": "none", **settings}, environ={}, dotenv=none)
    return Job(source, out, found, 1, overwrite, procfile(source.parent))


def looked(source: Path) -> list[int]:
    """How many frames each whole run looked at."""
    return [int(line) for line in source.with_suffix(".looked").read_text().split()]


def start(folder: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    """Start the command line with fakes for stages. It takes Ctrl-C also where whoever runs the tests ignores it, as nohup does."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("ONLYME_")}
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(procfile(folder)), *map(str, arguments)], cwd=ROOT, env=plain, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
