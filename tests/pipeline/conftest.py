"""Fixtures shared by the tests of pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.pipeline.browser import started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for all tests of a module; each opens a page with cookies of its own."""
    with started() as browser:
        yield browser
