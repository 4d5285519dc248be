"""The call beside a filter as people build it, on the same clips in the same run: CPU seconds for a displayed second.

That filter hides the room only: everybody in view is a person to it, and stays sharp.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from infer.settings import NO_MODEL
from tests.bench.calls import MODEL, record_call
from tests.bench.clips import AGAIN, calm, footage, scaled
from tests.bench.environment import bin_with
from tests.bench.table import print_table

SIZE_WH = (1280, 720)
SECONDS = 30
PACKAGES = ("mediapipe==0.10.21",)  # the last one with this network; needs Python 3.12 at most
LOOP = Path(__file__).with_name("peer_loop.py")


def main() -> None:
    """The peer, then the call with a Mask R-CNN and with the embedded detector; somebody who moves, and somebody calm."""
    programs = bin_with("peer", *PACKAGES)
    if programs is None:
        print(f"\npeer: left out, {PACKAGES[0]} cannot be installed for Python {sys.version.split()[0]}")
        return
    rows = []
    with tempfile.TemporaryDirectory(prefix="onlyme-bench-") as folder:
        clips = {footage(): scaled(AGAIN, SIZE_WH, Path(folder)), "calm": calm(SIZE_WH, Path(folder))}
        for what, clip in clips.items():
            command = [str(programs / "python"), str(LOOP), str(clip), str(SECONDS)]
            said = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            peer_s = said["cpu_s"] / (said["shown"] / 30)
            rows.append(_row(what, "peer", said["shown"] / said["seconds"], peer_s, peer_s))
            for detector, model in (("Mask R-CNN", MODEL), ("embedded", NO_MODEL)):
                figures = record_call({"source": clip, "mask_rcnn": model}, seconds=SECONDS)
                rows.append(_row(what, detector, figures.fps, figures.cpu_s_a_second, peer_s))
    print_table("CPU seconds for thirty pictures of 720p", rows)


def _row(what: str, how: str, fps: float, cpu_s: float, peer_s: float) -> dict[str, object]:
    return {"what": what, "how": how, "fps": fps, "CPU s": cpu_s, "/ peer": cpu_s / peer_s}
