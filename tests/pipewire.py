"""A PipeWire and a session manager of a test's own, and programs that take pictures from its cameras."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.background import Background
from tests.processes.neighbours import wait_for

PROGRAMS = {
    "pipewire": "pipewire",
    "wireplumber": "wireplumber",
    "pw-dump": "pipewire-bin",
    "dbus-daemon": "dbus-daemon",
    "gst-launch-1.0": "gstreamer1.0-tools",
}
ELEMENTS = {"pipewiresrc": "gstreamer1.0-pipewire", "videoconvert": "gstreamer1.0-plugins-base"}
SOCKET = "pipewire-0"
Picture = NDArray[np.uint8]


@cache
def missing_packages() -> str:
    """Debian's packages that are not here, separated by blanks."""
    lacking = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if shutil.which("gst-inspect-1.0"):
        lacking += [package for element, package in ELEMENTS.items() if not _is_there(element)]
    return " ".join(lacking)


def _is_there(element: str) -> bool:
    # without a version it asks for GStreamer's own, and the element has PipeWire's
    command = ["gst-inspect-1.0", "--exists", "--atleast-version=0.3", element]
    return subprocess.run(command, check=False).returncode == 0


BUS = """<busconfig>
<type>session</type><listen>unix:path={folder}/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>"""  # it starts no services by itself: what they mount and leave would outlive the test


class Session:
    """A running PipeWire: `environment` is what its programs need, and `end` kills it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **dict.fromkeys(
                ("PIPEWIRE_RUNTIME_DIR", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_DATA_HOME"), str(folder)
            ),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={folder}/bus",
        }
        (folder / "bus.conf").write_text(BUS.format(folder=folder))
        self._started: list[subprocess.Popen[bytes]] = []
        self.start("dbus-daemon", f"--config-file={folder}/bus.conf", "--nofork")
        wait_for("the bus", (folder / "bus").exists)
        self.start("pipewire")
        wait_for("PipeWire", (folder / SOCKET).exists)
        self.start("wireplumber")
        wait_for("the session manager", self._is_managed)

    def start(self, *command: str, **environment: str) -> None:
        """Start a program of the session."""
        env = {**os.environ, **self.environment, **environment}
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._started.append(process)

    def dump(self) -> list[dict[str, Any]]:
        """Every object of the graph, as pw-dump says it."""
        env = {**os.environ, **self.environment}
        while True:
            told = subprocess.run(["pw-dump"], env=env, capture_output=True, text=True, check=False)
            try:
                found: list[dict[str, Any]] = json.loads(told.stdout or "[]")
            except json.JSONDecodeError:  # something changed meanwhile, and stands behind the rest
                continue
            return found

    def node(self, name: str) -> dict[str, Any] | None:
        """What PipeWire says of the node with this name, None where there is none."""
        nodes = (item for item in self.dump() if item["type"].endswith(":Node"))
        return next((node for node in nodes if node["info"]["props"].get("node.name") == name), None)

    def end(self) -> None:
        """Kill all of it."""
        for process in reversed(self._started):
            process.kill()
            process.wait()

    def _is_managed(self) -> bool:
        names = {
            item["info"]["props"].get("application.name") for item in self.dump() if item["type"].endswith(":Client")
        }
        return "WirePlumber" in names


@contextmanager
def pipewire_session() -> Iterator[Session]:
    """Start PipeWire for a test; the path of its folder is short, because it holds sockets."""
    with tempfile.TemporaryDirectory(prefix="onlyme-pw-") as folder:
        session = Session(Path(folder))
        try:
            yield session
        finally:
            session.end()


class Consumer(Background):
    """A program that takes pictures from a camera, all of one size and in one format.

    got: Its pictures, (H, W, 3) uint8 BGR.
    """

    def __init__(self, session: Session, name: str, size_wh: tuple[int, int], video_format: str = "I420") -> None:
        super().__init__()
        self.got: list[Picture] = []
        self._size_wh, self._format = size_wh, video_format
        caps = f"video/x-raw,format={video_format},width={size_wh[0]},height={size_wh[1]}"
        self.process = subprocess.Popen(
            ["gst-launch-1.0", "-q", "pipewiresrc", f"target-object={name}", "!", caps, "!", "fdsink", "fd=1", "sync=false"],
            env={**os.environ, **session.environment}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def run(self) -> None:
        """See Background."""
        width, height = self._size_wh
        size = {"I420": width * height * 3 // 2, "YUY2": width * height * 2, "BGRx": width * height * 4}[self._format]
        assert self.process.stdout is not None
        while len(data := self.process.stdout.read(size)) == size:
            self.take(np.frombuffer(data, np.uint8))

    def take(self, pixels: NDArray[np.uint8]) -> None:
        """Keep one picture, its bytes as they came."""
        width, height = self._size_wh
        if self._format == "I420":
            self.got.append(cv2.cvtColor(pixels.reshape(height * 3 // 2, width), cv2.COLOR_YUV2BGR_I420))
        elif self._format == "YUY2":
            self.got.append(cv2.cvtColor(pixels.reshape(height, width, 2), cv2.COLOR_YUV2BGR_YUY2))
        else:
            self.got.append(np.ascontiguousarray(pixels.reshape(height, width, 4)[..., :3]))

    def __exit__(self, *error: Any) -> None:
        self.process.kill()
        super().__exit__(*error)
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
