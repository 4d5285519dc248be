from __future__ import annotations

import pytest

from capture.demo import DemoScene
from tests.faults.worker import HEIGHT, WIDTH


@pytest.fixture(scope="session")
def scene() -> DemoScene:
    return DemoScene(WIDTH, HEIGHT, 30)
