"""Chromium takes pictures from the PipeWire camera as it does on a desktop: through the camera portal."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from display.sinks.pipewire import PipeWireDevice
from tests.background import Background
from tests.conftest import missing
from tests.pipeline.browser import CHROMIUM
from tests.pipewire import Session, pipewire_session
from tests.processes.neighbours import wait_for

PORTAL, PERMISSIONS = "/usr/libexec/xdg-desktop-portal", "/usr/libexec/xdg-permission-store"
STORE = "org.freedesktop.impl.portal.PermissionStore"
DIALOGS = "[portal]\nDBusName=onlyme.test.none\nInterfaces=org.freedesktop.impl.portal.Access;\nUseIn=gnome\n"
# everybody outside a sandbox
ALLOWED = ["string:devices", "boolean:true", "string:camera", "string:", "array:string:yes"]
SIZE_WH = (640, 360)
BGR = (200, 60, 30)
# what the browser answers until the portal has told it of the camera, and where a busy machine starts the stream later than it waits
NOT_YET = ["NotFoundError", "AbortError", "NotReadableError"]
LOOK = """async NOT_YET => {
  const stream = await navigator.mediaDevices.getUserMedia({video: true}).catch(error => error.name);
  if (NOT_YET.includes(stream)) return null;
  if (typeof stream === "string") throw new Error(stream);
  const video = document.createElement("video");
  video.srcObject = stream;
  await video.play();
  await new Promise(resolve => video.requestVideoFrameCallback(resolve));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  const pixel = [...context.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data];
  const label = stream.getVideoTracks()[0].label;
  stream.getTracks().forEach(track => track.stop());
  return [label, [video.videoWidth, video.videoHeight], pixel];
}"""


class Sender(Background):
    """Sends one colour thirty times a second."""

    def __init__(self, device: PipeWireDevice) -> None:
        super().__init__()
        self._device = device

    def run(self) -> None:
        """See Background."""
        picture = np.full((SIZE_WH[1], SIZE_WH[0], 3), BGR, np.uint8)
        while not self.stopping.wait(1 / 30):
            self._device.send(picture)


def open_portal(session: Session, folder: Path) -> None:
    """Start the camera portal, which lets everybody in without asking."""
    (folder / "none.portal").write_text(DIALOGS)
    session.start(PERMISSIONS)
    allow = ["dbus-send", "--session", "--print-reply", f"--dest={STORE}", f"/{STORE.replace('.', '/')}"]
    allow += [f"{STORE}.SetPermission", *ALLOWED]
    environment = {**os.environ, **session.environment}
    wait_for(
        "the permission",
        lambda: subprocess.run(allow, env=environment, capture_output=True, check=False).returncode == 0,
    )
    session.start(PORTAL, XDG_DESKTOP_PORTAL_DIR=str(folder), XDG_CURRENT_DESKTOP="GNOME")
    ask = ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.portal.Desktop"]
    ask += [
        "/org/freedesktop/portal/desktop",
        "org.freedesktop.DBus.Properties.Get",
        "string:org.freedesktop.portal.Camera",
        "string:version",
    ]
    wait_for(
        "the portal", lambda: subprocess.run(ask, env=environment, capture_output=True, check=False).returncode == 0
    )


@pytest.mark.pipewire
@pytest.mark.browser
def test_chromium_shows_the_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path(PORTAL).exists():
        missing("the camera portal (Debian: xdg-desktop-portal)")
    with pipewire_session() as session, sync_playwright() as playwright:
        for name, value in session.environment.items():
            monkeypatch.setenv(name, value)
        open_portal(session, tmp_path)
        device = PipeWireDevice(*SIZE_WH, 30.0, "onlyme")
        wait_for("the node", lambda: session.node("onlyme"))
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--enable-features=WebRtcPipeWireCamera",
                "--use-fake-ui-for-media-stream",
            ],
            env={**os.environ},
        )
        page = browser.new_context(permissions=["camera"]).new_page()
        page.route("http://localhost/", lambda route: route.fulfill(body="", content_type="text/html"))
        page.goto("http://localhost/")  # a secure context without a server
        with Sender(device):
            # the browser asks the portal in the background, and knows no camera until it has answered
            label, size_wh, pixel = wait_for("the camera in the browser", lambda: page.evaluate(LOOK, NOT_YET))
            browser.close()
            wait_for("the browser's end", lambda: not device.is_watched)
        device.close()
    assert (label, tuple(size_wh)) == ("onlyme", SIZE_WH)
    assert max(abs(a - b) for a, b in zip(pixel[2::-1], BGR, strict=True)) < 8, pixel
