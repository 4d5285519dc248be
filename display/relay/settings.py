"""The settings of the relay."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import platformdirs

from common.errors import ConfigError
from common.runtime.install import KEYS_COMMAND
from common.settings.base import Settings, setting
from common.settings.validators import boolean, int_range, path, tcp_address


@dataclass(frozen=True)
class RelaySettings(Settings):
    """Who else may see the composites, over the network."""

    relay: str = setting(
        "", tcp_address, "tcp://HOST:PORT to serve composites on, such as tcp://0.0.0.0:5555; default: off"
    )
    keys: Path | None = setting(None, path, f"folder of keys, see {KEYS_COMMAND} (default: in the user's settings)")
    curve: bool = setting(
        True,
        boolean,
        "yes: encrypt, and accept listed keys only; no: on loopback only, where every user of this machine may then watch",
        switch=True,
    )
    allow_control: bool = setting(
        False, boolean, "let viewers whose key allows it turn privacy on and choose the subject", switch=True
    )
    relay_quality: int = setting(80, int_range(10, 100), "JPEG quality of what is relayed")
    relay_width: int = setting(0, int_range(0, 16384), "greatest width of relayed pictures, pixels; 0: as they are")

    @property
    def keys_folder(self) -> Path:
        """The folder of keys: `keys` if it is set, else one in the user's settings.

        Raises:
            ConfigError: It is not set, and the user has no home folder.
        """
        if self.keys is not None:
            return self.keys
        try:
            return platformdirs.user_config_path("onlyme") / "keys"
        except RuntimeError:
            raise ConfigError(
                "--keys: expected a home folder of this user, got none; set HOME, or name a folder"
            ) from None
