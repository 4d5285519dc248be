"""`make pictures`: the README's picture, one frame of the demo before and after, made by the real call."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from capture.demo import DemoScene
from tests.call import run_call
from tests.shared import ROOT

PICTURE = ROOT / "tests" / "pictures" / "demo.jpg"
SIZE_WH = (1280, 720)
FRAME = 52  # the second person has just come in


def main() -> None:
    """Record the demo, pair one recorded frame with the scene's own, write both side by side."""
    with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
        out = Path(folder) / "out"
        settings = {
            "source": "demo",
            "sink": "record",
            "out": out,
            "seconds": 10,
            "width": SIZE_WH[0],
            "height": SIZE_WH[1],
        }
        code, said = run_call(settings, Path(folder) / "run")
        if code != 0:
            sys.exit(f"pictures: the call ended with {code}:\n{said}")
        rows = [json.loads(line) for line in (out / "frames.jsonl").read_text().splitlines()]
        row = min((r for r in rows if r["state"] == "live"), key=lambda r: abs(r["source_index"] - FRAME))
        after = np.asarray(cv2.imread(str(out / row["file"])))
    before = DemoScene(*SIZE_WH, 30).frame(row["source_index"])
    both = cv2.resize(np.hstack([before, after]), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    PICTURE.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(PICTURE), both, [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size} bytes, frame {row['source_index']}")


if __name__ == "__main__":
    main()
