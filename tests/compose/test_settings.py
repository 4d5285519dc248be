from __future__ import annotations

from compose.settings import ComposeSettings
from tests.settings import read


def test_what_is_kept_is_named_by_coco_and_nothing_by_default() -> None:
    assert read(ComposeSettings).keep == ()
    assert read(ComposeSettings, env={"ONLYME_KEEP": ""}).keep == ()
    assert read(ComposeSettings, "--keep", 'dog, "cell phone"'.replace('"', "")).keep == ("dog", "cell phone")
    assert read(ComposeSettings, env={"ONLYME_KEEP": "cell phone,dog", "ONLYME_RETURN": "ask"}).return_ == "ask"
