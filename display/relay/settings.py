"""The settings of the relay."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import platformdirs

from common.settings.base import Settings, setting
from common.settings.validators import boolean, int_range, path, tcp_address


@dataclass(frozen=True)
class RelaySettings(Settings):
    """Who else may see the composites, over the network."""

    relay: str = setting(
        "", tcp_address, "tcp://HOST:PORT to serve composites on, such as tcp://0.0.0.0:5555; none: off"
    )
    keys: Path | None = setting(
        None, path, "folder of keys, see python -m display.relay.keyring (default: in the user's settings)"
    )
    curve: bool = setting(
        True,
        boolean,
        "encrypt and let in listed keys only; no: on loopback, every user of this machine may watch",
        switch=True,
    )
    allow_control: bool = setting(
        False, boolean, "viewers whose key says so may turn privacy on and choose the subject", switch=True
    )
    relay_quality: int = setting(80, int_range(10, 100), "JPEG quality of what is relayed")
    relay_width: int = setting(0, int_range(0, 16384), "relay pictures no wider than this, pixels; 0: as they are")

    @property
    def keys_folder(self) -> Path:
        """The folder of keys: `keys` if it is set, else one in the user's settings."""
        return self.keys if self.keys is not None else Path(platformdirs.user_config_dir("onlyme")) / "keys"
