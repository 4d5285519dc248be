"""`make pictures`: the pictures of the README and the docs, made by the real call: one frame of the demo before and after, in the instance view, and the page."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from capture.demo import DemoScene
from common.vision.pyramid import ImagePyramid
from compose.picture.blur import blur, strength_of
from tests.call import free_port, printed_url, read_until, run_call, start_call
from tests.shared import ROOT

PICTURE = ROOT / "tests" / "pictures" / "demo.jpg"
PAGE = PICTURE.with_name("page.jpg")
INSTANCES = PICTURE.with_name("instances.jpg")
BYSTANDER = PICTURE.with_name("bystander.jpg")
SIZE_WH = (1280, 720)
FRAME = 85  # one shoulder of the second person is behind the first
LAST = 10**9  # no call is that long: its last frame, by when every result has come
APART = 60  # the second person is in full view


def page() -> None:
    """The page as Chromium shows it, with half a minute of its plot."""
    from tests.pipeline.browser import CHROMIUM, opened, started  # what tests need is not there for everybody

    if CHROMIUM is None:
        sys.exit("pictures: expected Chromium for the page's picture, got none; apt-get install chromium")
    with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
        port = free_port()
        settings = {"source": "demo", "width": 1280, "height": 720, "sink": "web", "web": f"127.0.0.1:{port}"}
        with start_call(settings, Path(folder) / "run") as call:
            url = printed_url(read_until(call, "?token="))
            with started() as browser, opened(browser, url, {"width": 1280, "height": 800}) as (shown, _):
                shown.wait_for_timeout(32_000)
                shown.wait_for_selector("body[data-state=live]")  # a busy machine may hide the person for a moment
                png = np.frombuffer(shown.screenshot(full_page=True), np.uint8)
            call.terminate()
    whole = np.asarray(cv2.imdecode(png, cv2.IMREAD_COLOR))
    small = cv2.resize(whole, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(PAGE), small, [cv2.IMWRITE_JPEG_QUALITY, 82])
    print(f"{PAGE.relative_to(ROOT)}: {PAGE.stat().st_size} bytes")


def recorded(state: str, wanted: int, **more: object) -> tuple[int, np.ndarray]:
    """Record the demo; return the frame in this state whose number is nearest to `wanted`, with its number."""
    with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
        out = Path(folder) / "out"
        size = {"width": SIZE_WH[0], "height": SIZE_WH[1]}
        settings = {"source": "demo", "sink": "record", "out": out, "seconds": 10, **size, **more}
        code, said = run_call(settings, Path(folder) / "run")
        if code != 0:
            sys.exit(f"pictures: the call ended with {code}:\n{said}")
        rows = [json.loads(line) for line in (out / "frames.jsonl").read_text().splitlines()]
        row = min((r for r in rows if r["state"] == state), key=lambda r: abs(r["source_index"] - wanted))
        return row["source_index"], np.asarray(cv2.imread(str(out / row["file"])))


def save(path: Path, picture: np.ndarray, number: int) -> None:
    """Write a picture at half its size."""
    path.parent.mkdir(exist_ok=True)
    small = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), small, [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes, frame {number}")


def before_and_after() -> None:
    """Record the demo, pair one recorded frame with the scene's own, write both side by side."""
    number, after = recorded("live", FRAME)
    save(PICTURE, np.hstack([DemoScene(*SIZE_WH, 30).frame(number), after]), number)


def instances() -> None:
    """The demo in the instance view: everything that the embedded detector found in a frame that stands still."""
    with tempfile.TemporaryDirectory(prefix="onlyme-") as folder:
        cv2.imwrite(str(Path(folder) / "frame.png"), DemoScene(*SIZE_WH, 30).frame(APART))
        _, picture = recorded("instances", LAST, source=folder, view="instances")
    save(INSTANCES, picture, APART)


def bystander() -> None:
    """The demo's second person as captured, and as hidden at three sizes of picture, each seen from as near."""
    side = 300
    row: list[np.ndarray] = []
    for height in (720, 1080, 2160):
        size_wh = height * 16 // 9, height
        scene = DemoScene(*size_wh, 30)
        picture = scene.frame(APART)
        x, y, w, _ = cv2.boundingRect(scene.masks(APART).bystander.astype(np.uint8))
        around = np.s_[max(0, y - height // 20) :, max(0, x - height // 20) :]
        hidden = blur(ImagePyramid(picture), strength_of(0, size_wh).sigma)
        far = w + height // 10
        parts = [np.asarray(p[around][:far, :far]) for p in (picture, hidden)]
        row += [
            cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA) for part in (parts if not row else parts[1:])
        ]
    cv2.imwrite(str(BYSTANDER), np.hstack(row), [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(f"{BYSTANDER.relative_to(ROOT)}: {BYSTANDER.stat().st_size} bytes")


if __name__ == "__main__":
    before_and_after()
    instances()
    bystander()
    page()
