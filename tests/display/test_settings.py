from __future__ import annotations

import pytest

from common.errors import ConfigError
from display.settings import DisplaySettings
from tests.settings import read


def test_a_refused_token_is_not_said() -> None:
    """It is nearly the right one, and logs are read by others."""
    given: tuple[tuple[list[str], dict[str, str]], ...] = (
        (["--token", "geheim 123"], {}),
        ([], {"ONLYME_TOKEN": "geheim 123"}),
    )
    for argv, environ in given:
        with pytest.raises(ConfigError) as error:
            read(DisplaySettings, *argv, env=environ)
        assert "16 to 128 letters" in str(error.value) and "geheim" not in str(error.value)


@pytest.mark.parametrize("web", ["127.0.0.1:1", "localhost:8765", "[::1]:8765", "0.0.0.0:80"])
def test_the_page_is_served_on_an_address(web: str) -> None:
    assert read(DisplaySettings, "--web", web).web == web
    for name in ("meeting.example:8765", "127.0.0.1", "127.0.0.1:0", ""):
        with pytest.raises(ConfigError, match="an address or localhost"):
            read(DisplaySettings, "--web", name)
