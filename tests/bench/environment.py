"""Python environments for programs that a bench is held against: what they need is nothing that belongs into ours."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import platformdirs


def bin_with(name: str, *packages: str) -> Path | None:
    """Return the folder of programs of an environment that holds `packages`, made where there is none with just these.

    None where they cannot be had: for this version of Python, or without an internet connection.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = Path(platformdirs.user_cache_dir("onlyme")) / f"{name}-{version}"
    programs, done = folder / "bin", folder / "installed"
    if not done.exists() or done.read_text() != " ".join(packages):
        venv.create(folder, with_pip=True)
        command = [str(programs / "python"), "-m", "pip", "install", "-q", *packages]
        if subprocess.run(command, check=False).returncode:
            return None
        done.write_text(" ".join(packages))
    return programs
