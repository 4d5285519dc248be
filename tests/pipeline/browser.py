"""A real Chromium before the page of a real call."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)


@contextmanager
def started() -> Iterator[Browser]:
    """A Chromium, for as many pages as are wanted."""
    with sync_playwright() as playwright:
        options: dict[str, Any] = {"executable_path": CHROMIUM, "args": ["--no-sandbox", "--disable-gpu"]}
        browser = playwright.chromium.launch(**options)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, url: str, viewport: ViewportSize = DESKTOP) -> Iterator[tuple[Page, list[str]]]:
    """A page on `url` with cookies and a cache of its own, and every error that its console says."""
    with browser.new_context(viewport=viewport) as context:
        page = context.new_page()
        errors: list[str] = []
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        yield page, errors


def pixels(page: Page, selector: str = "#picture") -> np.ndarray:
    """What stands there, (H, W, 3) uint8 BGR."""
    shot = io.BytesIO(page.locator(selector).screenshot()).getvalue()
    found = cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    return np.asarray(found, np.uint8)
