from __future__ import annotations

import os
import threading

import pytest

from display.screen import window_unavailable_reason


def test_without_a_screen_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "expected a screen, got neither" in window_unavailable_reason()


@pytest.mark.screen
@pytest.mark.parametrize("there", [True, False])
def test_whether_the_screen_answers_is_tried_beside_running_threads(
    there: bool, screen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fork beside threads may never end; Python warns of it from 3.12 on."""
    monkeypatch.setenv("DISPLAY", screen if there else ":4711")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked beside a thread"))
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        assert window_unavailable_reason() == (
            "" if there else "expected a screen that answers, got none at DISPLAY or WAYLAND_DISPLAY"
        )
    finally:
        over.set()
        thread.join()
