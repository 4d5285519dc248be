from __future__ import annotations

import pytest

from tests.faults.scenes import PatternedScene
from tests.faults.worker import HEIGHT, WIDTH


@pytest.fixture(scope="session")
def scene() -> PatternedScene:
    return PatternedScene(WIDTH, HEIGHT, 30)
