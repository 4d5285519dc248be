"""`onlyme install-service [--remove]` (`python -m common.service` in a checkout): a call that starts with the desktop session.

It writes a unit for the user's systemd and an entry for the menu of programs. It enables and starts nothing: it says how to.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

import platformdirs

from common.errors import ConfigError, UserError
from common.runtime.exit_codes import EXIT_USAGE
from common.runtime.install import APPLICATION, CODE, SERVICE_COMMAND, is_checkout
from common.runtime.private_files import make_folder

MARK = "# written by onlyme install-service, which may replace or remove it\n"
# systemd or GLib does not start a program with one of these in its path, however it is escaped
UNUSABLE = set("=%$\\\"'")
UNIT = """\
[Unit]
Description=onlyme, a privacy filter for video calls
PartOf=graphical-session.target
After=graphical-session.target

[Service]
WorkingDirectory={folder}
ExecStart={command}
# onlyme ends its own processes. The browser that it opened the page in may belong to the unit, and stays.
KillMode=process

[Install]
WantedBy=graphical-session.target
"""
ENTRY = """\
[Desktop Entry]
Type=Application
Name=onlyme
Comment=Keep yourself sharp in a video call and hide everything else
Path={folder}
Exec={command}
Terminal=true
Categories=AudioVideo;Video;
"""


class ServiceFile(NamedTuple):
    """A file that install-service writes."""

    path: Path
    text: str


def start_command(code: Path = CODE) -> list[str]:
    """Return the words of a command that starts a call of this copy."""
    if is_checkout(code):
        return [sys.executable, "-m", "common.command", "start"]
    return [str(Path(sys.executable).with_name(APPLICATION)), "start"]


def service_files(command: list[str], folder: Path) -> list[ServiceFile]:
    """Return unit and menu entry of a call.

    Args:
        command: Words that start it.
        folder: Where it is started; an installed copy reads `.env` there.

    Raises:
        ConfigError: A path holds a line break, or the program's a character of UNUSABLE; or the user has no home folder.
    """
    for text in (*command, str(folder)):
        if any(ord(letter) < 32 for letter in text):
            raise ConfigError(
                f"install-service: expected paths without line breaks, got {text!r}; move onlyme or start it elsewhere"
            )
    if refused := set(command[0]) & UNUSABLE:
        raise ConfigError(
            f"install-service: expected a program without {' '.join(sorted(refused))} in its path, got {command[0]}; "
            "install onlyme elsewhere"
        )
    unit = UNIT.format(folder=str(folder).replace("%", "%%"), command=" ".join(map(systemd_word, command)))
    entry = ENTRY.format(folder=str(folder).replace("\\", "\\\\"), command=" ".join(map(desktop_word, command)))
    try:
        config, data = platformdirs.user_config_path(), platformdirs.user_data_path()
    except RuntimeError:
        raise ConfigError("install-service: expected a home folder, got none; set HOME") from None
    return [
        ServiceFile(config / "systemd" / "user" / f"{APPLICATION}.service", MARK + unit),
        ServiceFile(data / "applications" / f"{APPLICATION}.desktop", MARK + entry),
    ]


def systemd_word(word: str) -> str:
    """Return one word of ExecStart (systemd.service(5), "Command lines")."""
    for letter, escaped in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(letter, escaped)
    return f'"{word}"'


def desktop_word(word: str) -> str:
    """Return one word of Exec (Desktop Entry Specification, "The Exec key"): quoted, and then escaped as every string is."""
    for letter in ("\\", '"', "`", "$"):
        word = word.replace(letter, "\\" + letter)
    return '"' + word.replace("\\", "\\\\").replace("%", "%%") + '"'


def install(files: list[ServiceFile]) -> None:
    """Write the files, all of them or none.

    Raises:
        ConfigError: One of them is there and not ours, or cannot be written.
    """
    for file in files:
        if _is_there(file.path) and not _is_ours(file.path):
            raise ConfigError(
                f"install-service: expected no file or its own at {file.path}, got another; move it away first"
            )
    for file in files:
        try:
            make_folder(file.path.parent)
            file.path.write_text(file.text)
        except OSError as error:
            raise ConfigError(
                f"install-service: expected to write {file.path}, got: {error.strerror}; mend that"
            ) from None
        print(f"wrote {file.path}")
    print(
        f"Nothing is started or enabled. Each session starts a call after: systemctl --user enable --now {APPLICATION}"
    )
    print(f"What it says, the address of its page too: journalctl --user -u {APPLICATION}")
    print(f"To undo all of it: systemctl --user disable --now {APPLICATION}; {SERVICE_COMMAND} --remove")


def remove(files: list[ServiceFile]) -> None:
    """Remove the files that are ours.

    Raises:
        ConfigError: The unit is enabled: systemd would look for it in vain.
    """
    unit = files[0].path
    enabled = unit.parent / "graphical-session.target.wants" / unit.name
    if _is_ours(unit) and _is_there(enabled):
        raise ConfigError(
            f"install-service: expected a service that is not enabled, got {enabled}; "
            f"run systemctl --user disable --now {APPLICATION}, then this again"
        )
    for file in files:
        if _is_ours(file.path):
            file.path.unlink()
            print(f"removed {file.path}")
        else:
            print(f"{file.path}: {'left alone, it is not ours' if _is_there(file.path) else 'is not there'}")


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _is_ours(path: Path) -> bool:
    """Return whether install-service wrote a file."""
    try:
        return not path.is_symlink() and path.read_bytes().startswith(MARK.encode())
    except OSError:
        return False


def main() -> None:
    """Install or remove the service; a user's mistake is one line and exit code 2."""
    parser = argparse.ArgumentParser(
        prog=SERVICE_COMMAND,
        description="Write a unit for the user's systemd and an entry for the menu of programs. Nothing is enabled.",
    )
    parser.add_argument("--remove", action="store_true", help="remove both again")
    wants_removal = parser.parse_args().remove
    try:
        files = service_files(start_command(), CODE if is_checkout() else Path.cwd())
        (remove if wants_removal else install)(files)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(EXIT_USAGE)


if __name__ == "__main__":
    main()
