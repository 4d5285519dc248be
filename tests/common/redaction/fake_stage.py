"""A program in place of a stage, for a Procfile of fakes.

The fake display does what the real stages do together: results, judgements, and a film, which is a copy of the source. How it
does that stands in a JSON file beside the source, `NAME.play`. It counts in `NAME.looked` how many frames it looked at.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from common.ipc.messages import MasksInferred
from common.metrics.metrics import metrics, path_of
from common.redaction.results import ResultsFile
from common.runtime.parent_watch import all_alive, find_ancestors

CAPTURED = 10**12


def _of(name: str) -> Path:
    return Path(os.environ[f"ONLYME_{name.upper()}"])


def display(play: dict[str, Any]) -> None:
    """Look at every frame that is not known yet, then write the rest."""
    frames = play.get("frames", 4)
    metrics.set("recording_frames", frames)
    above, looked = find_ancestors(), 0
    if play.get("fails_at_once"):
        _fail(play)
    with ResultsFile(_of("results"), writes=True) as results:
        for number in range(frames):
            if not all_alive(above):
                raise SystemExit(1)
            if number not in results.known:
                time.sleep(play.get("frame_s", 0.0))
                results.add(MasksInferred(1, number, CAPTURED + number, 1, "infer.1", "a fake"))
                looked += 1
                if looked == play.get("fails_after"):
                    _fail(play)
            metrics.count("frames_written")
            metrics.flush(path_of(_of("run_dir"), "display.1"))
    rows: list[dict[str, Any]] = [{"onlyme": "0"}]
    for number in range(frames):
        others = {"state": "live", "reason": "", "look": True, "subject": None, "others": [], "doubt": ""}
        rows.append({"number": number, "time_s": number / 25, **others, **play.get("judged", {}).get(str(number), {})})
    _of("judgements").write_text("".join(json.dumps(row) + "\n" for row in rows))
    part = _of("out").with_suffix(".part")  # as the real one: the film has its name when it is whole
    shutil.copy(_of("source"), part)
    part.replace(_of("out"))
    _of("source").with_suffix(".looked").open("a").write(f"{looked}\n")
    time.sleep(play.get("ends_after_s", 0.0))
    if play.get("fails_at_the_end"):
        _fail(play)


def _fail(play: dict[str, Any]) -> NoReturn:
    print(f"display: {play['says']}", flush=True)
    raise SystemExit(play["code"])


def other() -> None:
    """Wait for the end of the call."""
    above = find_ancestors()
    while all_alive(above):
        time.sleep(0.05)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    play = _of("source").with_suffix(".play")
    if sys.argv[1] == "display":
        try:
            display(json.loads(play.read_text()) if play.exists() else {})
        except OSError as error:
            print(f"display: --out: cannot write ({error.strerror})", flush=True)
            raise SystemExit(2) from None
    else:
        other()
