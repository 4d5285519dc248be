"""A network camera that can fail: MJPEG over HTTP, as cheap cameras serve it."""

from __future__ import annotations

import http.server
import time
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from common.vision.arrays import BgrImage
from tests.capture.sources.servers import serve


class NetworkCamera:
    """Deliver noise, every `period_s` a picture. `mode` selects a fault.

    "" nothing | "off" refuses | "stall" sends nothing more | "still" sends one picture for ever | "drop" hangs up
    """

    def __init__(self, server: str) -> None:
        self.address = f"{server}/camera.mjpg"
        self.mode = ""
        self.period_s = 0.04
        self.size_wh = (160, 120)
        self.opened = 0

    def picture(self, number: int) -> bytes:
        noise = np.random.default_rng(number).integers(0, 256, (*self.size_wh[::-1], 3), dtype=np.uint8)
        return jpeg_of(noise)


def jpeg_of(picture: BgrImage) -> bytes:
    return bytes(cv2.imencode(".jpg", picture)[1])


@contextmanager
def network_camera() -> Iterator[NetworkCamera]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if camera.mode == "off":
                self.send_error(503)
                return
            camera.opened += 1
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
            self.end_headers()
            number = 0
            while camera.mode != "drop":
                if camera.mode != "still":
                    number += 1
                if camera.mode != "stall":
                    jpeg = camera.picture(number)
                    head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    try:
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                    except OSError:
                        return
                time.sleep(camera.period_s)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serve(Handler) as server:
        camera = NetworkCamera(server)
        yield camera
        camera.mode = "drop"
