from __future__ import annotations

from compose.settings import ComposeSettings
from tests.settings import read


def test_keep_takes_names_of_coco_classes_and_is_empty_by_default() -> None:
    assert read(ComposeSettings).keep == ()
    assert read(ComposeSettings, env={"ONLYME_KEEP": ""}).keep == ()
    assert read(ComposeSettings, "--keep", 'dog, "cell phone"'.replace('"', "")).keep == ("dog", "cell phone")
    assert read(ComposeSettings, env={"ONLYME_KEEP": "cell phone,dog", "ONLYME_RETURN": "ask"}).return_ == "ask"
