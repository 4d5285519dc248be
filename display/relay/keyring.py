"""Keeps the keys of the remote stream: the relay's own, and the list of viewers that may watch.

    relay.json            key pair of the relay, made when it is first needed
    allowed/NAME.json     public key of a viewer that may watch, and whether the viewer may control the call

`new NAME` makes NAME.json in the current folder, for you to hand over: the viewer's key pair and the relay's public key.
`python -m display.relay.keyring --help` lists the commands.

New folders have mode 0700 and new files 0600, whatever the umask. A file that others may read gets mode 0600, with a
warning; a file that others may write is refused. Keys are CURVE25519 in Z85 (ZeroMQ RFC 26 and 32), 40 characters.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import zmq
from zmq.utils import z85

from common.errors import KeyFileError, UserError
from common.runtime.install import KEYS_COMMAND, WATCH_COMMAND
from common.runtime.private_files import make_folder
from common.settings.loader import read_settings
from display.reachable import address_from_elsewhere
from display.relay.settings import RelaySettings

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
KEY_LENGTH = 40
PROG = KEYS_COMMAND
USUAL_RELAY = "tcp://0.0.0.0:5555"  # where docs/using.md puts a relay

log = logging.getLogger("onlyme")


class Pair(NamedTuple):
    """Public and secret key."""

    public: bytes
    secret: bytes


class ViewerKey(NamedTuple):
    """Content of a viewer's key file: its own pair, and the public key of the relay that it trusts."""

    own: Pair
    relay_public: bytes


class Allowed(NamedTuple):
    """A viewer on the list."""

    name: str
    control: bool


Status = tuple[int, ...]  # of a file: time of the last change, size, inode, mode and owner


class KeyStore:
    """The folder of keys on the relay's machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: list[str] = []
        self._known: dict[str, tuple[Status, bytes, Allowed]] = {}
        self._said: set[str] = set()

    def relay(self) -> Pair:
        """Return the relay's own pair; make it if there is none.

        Raises:
            KeyFileError: The file cannot be read or made.
        """
        path = self._folder / "relay.json"
        _close_to_others(self._folder / "allowed")  # the folder above may be one that the user made: it keeps its mode
        if not path.exists():
            with suppress(FileExistsError):  # another process has made it meanwhile
                _write(path, dict(zip(("public", "secret"), _new_pair(), strict=True)))
        found = _read(path)
        return Pair(_key(path, found, "public"), _key(path, found, "secret"))

    def new(self, name: str, folder: Path, control: bool = False) -> Path:
        """Make keys for a viewer, put the viewer on the list, and return the file to hand over, a new one in `folder`.

        Raises:
            KeyFileError: The name cannot be used or is taken, or the file cannot be written.
        """
        public, secret = _new_pair()
        path = folder / f"{_checked(name)}.json"
        relay = self.relay().public.decode()
        self.allow(name, public, control)
        try:
            _write(path, {"public": public, "secret": secret, "relay": relay})
        except FileExistsError:
            self.revoke(name)
            raise KeyFileError(f"keys: expected to make {path}, got a file that is there; move it away") from None
        except KeyFileError:
            self.revoke(name)
            raise
        return path

    def allow(self, name: str, public: str, control: bool = False) -> None:
        """Put a viewer's public key on the list.

        Raises:
            KeyFileError: The name is taken, or name or key cannot be used.
        """
        path = self._folder / "allowed" / f"{_checked(name)}.json"
        entry = {"public": public, "control": control}
        _key(path, entry, "public")
        try:
            _write(path, entry)
        except FileExistsError:
            raise KeyFileError(
                f"keys: expected a new name, got {name}, which is allowed; revoke it first, or choose another"
            ) from None

    def revoke(self, name: str) -> None:
        """Take a viewer off the list. A running relay drops the viewer's connection within a second.

        Raises:
            KeyFileError: There is no such viewer.
        """
        try:
            (self._folder / "allowed" / f"{_checked(name)}.json").unlink()
        except FileNotFoundError:
            known = ", ".join(sorted(a.name for a in self.allowed().values())) or "nobody"
            raise KeyFileError(
                f"keys: expected a viewer that is allowed ({known}), got {name}; see {KEYS_COMMAND} list"
            ) from None

    def allowed(self) -> dict[bytes, Allowed]:
        """Return who may watch, by public key, as a new dict. Only files that have changed are read again.

        A file that is broken, or that others may write, allows nobody. When no file can be opened because all descriptors
        are in use, viewers that were read before stay allowed as long as their files have not changed.
        """
        folder = self._folder / "allowed"
        try:
            self._names = sorted(path.name for path in folder.iterdir() if path.suffix == ".json")
        except FileNotFoundError:
            self._names = []
        except OSError as error:
            self._say(f"keys: cannot list {folder} ({error.strerror}): no new viewer is let in meanwhile")
        known = {name: found for name in self._names if (found := self._entry(folder / name)) is not None}
        self._known = known
        return {key: who for _, key, who in known.values()}

    def _entry(self, path: Path) -> tuple[Status, bytes, Allowed] | None:
        """Return one viewer of the list, None if the file allows nobody."""
        try:
            status = _status(path.stat())
            if (known := self._known.get(path.name)) is not None and known[0] == status:
                return known
            found = _read(path)
            return status, _key(path, found, "public"), Allowed(path.stem, found.get("control") is True)
        except FileNotFoundError:
            return None
        except KeyFileError as error:
            self._say(f"{error}; until then it allows nobody")
            return None
        except OSError as error:  # such as a link to itself, or a folder that may no longer be entered
            self._say(f"keys: cannot read {path} ({error.strerror}); until then it allows nobody")
            return None

    def _say(self, text: str) -> None:
        """Log a warning once: the list is read twice a second."""
        if text not in self._said:
            self._said.add(text)
            log.warning("%s", text)


def read_viewer_key(path: Path) -> ViewerKey:
    """Read the key file of a viewer.

    Raises:
        KeyFileError: It cannot be read, or holds something else.
    """
    found = _read(path)
    return ViewerKey(Pair(_key(path, found, "public"), _key(path, found, "secret")), _key(path, found, "relay"))


def _new_pair() -> tuple[str, str]:
    public, secret = zmq.curve_keypair()
    return public.decode(), secret.decode()


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise KeyFileError(f"keys: expected a name of letters, digits, - and _ (64 at most), got {name!r:.80}")
    return name


def _key(path: Path, found: dict[str, Any], field: str) -> bytes:
    text = found.get(field)
    try:
        if not isinstance(text, str) or len(text) != KEY_LENGTH:
            raise ValueError
        z85.decode(text.encode("ascii"))
    except (ValueError, KeyError, UnicodeEncodeError):
        raise KeyFileError(
            f"keys: expected {KEY_LENGTH} characters of Z85 as {field} of {path.stem}, got {len(str(text))} that are none; "
            f"make a new one with {KEYS_COMMAND} new NAME"
        ) from None
    return text.encode("ascii")


def _status(found: os.stat_result) -> Status:
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode, found.st_uid


def _read(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises KeyFileError if it cannot be read, is no object, or others may write it."""
    try:
        with path.open() as file:
            status = os.fstat(file.fileno())
            if status.st_uid not in (0, os.geteuid()) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise KeyFileError(
                    f"keys: expected {path} to be yours and writable by you alone, got mode {stat.S_IMODE(status.st_mode):o} of "
                    f"user {status.st_uid}; look whether it is as you made it, then: chmod 600 {path}"
                )
            if status.st_mode & 0o077:
                os.fchmod(file.fileno(), 0o600)
                log.warning("keys: others could read %s: mended; if others use this machine, make a new key", path)
            found = json.load(file)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no JSON"
        raise KeyFileError(f"keys: cannot read {path} ({reason}); see {KEYS_COMMAND} --help") from None
    if not isinstance(found, dict):
        raise KeyFileError(f"keys: expected an object in {path}, got {type(found).__name__}; make a new one")
    return found


def _write(path: Path, content: dict[str, Any]) -> None:
    """Write a new file in one step, so that nobody reads half of it. Raises FileExistsError if there is one."""
    try:
        make_folder(path.parent)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.unlink(missing_ok=True)  # left by a process that was killed; its mode may be another
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(file, "w") as stream:
                os.fchmod(file, 0o600)
                json.dump(content, stream)
            os.link(fresh, path)
        finally:
            fresh.unlink()
    except FileExistsError:
        raise
    except OSError as error:
        raise KeyFileError(
            f"keys: cannot write {path} ({error.strerror}); expected a folder that you may write in"
        ) from None


def _close_to_others(folder: Path) -> None:
    """Give a folder of keys that others may enter the mode 0700. A folder of another user cannot be changed, and is left."""
    with suppress(FileNotFoundError, PermissionError):
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
            log.warning("keys: others could look into %s: mended", folder)


def main() -> None:
    """Make, list and withdraw keys; on an error print one line and exit with 1."""
    try:
        settings = read_settings(RelaySettings, PROG, [])  # as the environment or .env says
        args = _parsed(sys.argv[1:], settings.keys_folder)
        print(_obey(KeyStore(args.keys.expanduser()), args, settings.relay))
    except UserError as error:
        sys.exit(str(error))


def _parsed(argv: list[str], folder: Path) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=PROG, description="Who may watch through the relay.", allow_abbrev=False)
    parser.add_argument("--keys", type=Path, default=folder, help="folder of the keys (%(default)s)")
    verbs = parser.add_subparsers(dest="verb", required=True)
    new = verbs.add_parser("new", help="make a viewer's keys, allow them, and write NAME.json to hand over")
    allow = verbs.add_parser("allow", help="allow a public key that was made elsewhere")
    revoke = verbs.add_parser("revoke", help="withdraw a viewer: a relay that runs cuts it off")
    for verb in (new, allow, revoke):
        verb.add_argument("name")
    allow.add_argument("public", help="40 characters")
    for verb in (new, allow):
        verb.add_argument("--control", action="store_true", help="may control, where the relay has --allow-control")
    verbs.add_parser("list", help="show who may watch")
    # a public key may begin with "-", which argparse would take for an option
    keys = [word for word in argv if word.startswith("-") and len(word) == KEY_LENGTH]
    words = [word for word in argv if word not in keys]
    return parser.parse_args([*words, "--", *keys] if keys else words)


def _obey(store: KeyStore, args: argparse.Namespace, relay: str) -> str:
    if args.verb == "new":
        path = store.new(args.name, Path.cwd(), args.control)
        watch = WATCH_COMMAND.format(address=address_from_elsewhere(relay or USUAL_RELAY), key=path.name)
        start = "" if relay else f"\nstart the call here with ONLYME_RELAY={USUAL_RELAY}"
        return f"{path}\nhand it to {args.name} on a safe way; on the other machine, beside that file:\n{watch}{start}"
    if args.verb == "allow":
        store.allow(args.name, args.public, args.control)
        return f"{args.name} may watch; the relay's public key is {store.relay().public.decode()}"
    if args.verb == "revoke":
        store.revoke(args.name)
        return f"{args.name} may watch no more"
    rows = sorted((who.name, key.decode(), who.control) for key, who in store.allowed().items())
    return "\n".join(f"{name}  {key}{'  may control' if control else ''}" for name, key, control in rows) or "nobody"


if __name__ == "__main__":
    main()
