"""Find out whether this machine runs on its battery."""

from __future__ import annotations

from pathlib import Path

POWER = Path("/sys/class/power_supply")


def on_battery(power: Path = POWER) -> bool:
    """Return whether a battery of this machine is discharging; False without a battery."""
    for status in power.glob("*/status"):
        try:
            if status.read_text().strip() == "Discharging":
                return True
        except OSError:
            continue
    return False
