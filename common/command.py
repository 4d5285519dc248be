"""The command `onlyme` of an installed copy: start a call, redact recordings, check this machine, manage keys, fetch a model.

In the wheel every package of the project lies inside the one import package `onlyme`. The command starts each program with
that folder first on its import path, so that `import common` means the same there as in a checkout. It is imported as
`onlyme.common.command`, where `common` is not on the path yet, so its own imports are relative. In a checkout
`python -m common.command` does the same.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from .runtime.environment import variables
from .runtime.exit_codes import EXIT_USAGE
from .runtime.install import CODE, version

# command → module
PROGRAMS = {
    "redact": "common.redaction",
    "doctor": "common.doctor",
    "camera": "display.meeting",
    "cameras": "capture",
    "keys": "display.relay.keyring",
    "model": "infer.fetch",
    "install-service": "common.service",
}
HELP = """\
commands:
  start [FLAGS]            start a call; FLAGS are honcho's, such as -c infer=3; Ctrl-C ends the call
  camera [KIND]            start a call that meetings choose as a camera; KIND is v4l2loopback or pipewire
  redact IN... -o OUT      redact recordings, every frame and with their sound; see onlyme redact --help
  doctor [--json]          say what works on this machine, and what to do about the rest
  cameras                  list the cameras with their sizes and rates
  keys COMMAND             manage the keys of remote viewers; see onlyme keys --help
  model [small|tutorial]   fetch a Mask R-CNN, the small one by default
  install-service          have a call start with each desktop session; --remove undoes it

Every setting is a variable ONLYME_SOME_NAME, in the environment or in a file .env in the current folder.
"""


def main() -> NoReturn:
    """Run one command; never returns. The exit code is the started program's, or 2 for a user's mistake."""
    parser = argparse.ArgumentParser(
        prog="onlyme", description="Keep yourself sharp in a video call and hide everything else.", epilog=HELP,
        usage="onlyme COMMAND ...", formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("command", choices=["start", *PROGRAMS], help="see below")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="of the command")
    parser.add_argument("--version", action="version", version=version())
    given = parser.parse_args()
    if given.command == "start":
        start(given.arguments)
    if given.command == "model":
        given.arguments = given.arguments or ["small"]
    if given.command == "cameras":
        given.arguments = ["--list", *given.arguments]
    _become(PROGRAMS[given.command], *given.arguments)


def start(flags: list[str], procfile: str = "Procfile", settings: Mapping[str, str] | None = None) -> NoReturn:
    """Fetch what a first call needs, as `make run` does, then become honcho with a packaged Procfile.

    Args:
        flags: Of honcho.
        procfile: Its name.
        settings: Variables of the environment that the call has besides those of this process.
    """
    _check_python()
    _run("common.vision.assets", stdout=subprocess.DEVNULL)  # it prints the path of each asset, for programs
    _run("infer.first_start")
    # honcho reads no .env: the stages read it themselves, and only after the environment
    _become("honcho", "start", "-f", str(CODE / procfile), "-e", os.devnull, *flags, settings=settings)


def _run(module: str, stdout: int | None = None) -> None:
    """Run `python -m module` to its end; exit with its code where that is not 0."""
    code = subprocess.call([sys.executable, "-m", module], env=environment(), stdout=stdout)
    if code != 0:
        sys.exit(code)


def _become(module: str, *arguments: str, settings: Mapping[str, str] | None = None) -> NoReturn:
    """Replace this process by `python -m module`, so that signals and the exit code are the program's own."""
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], {**environment(), **(settings or {})})


def environment() -> dict[str, str]:
    """Return the environment in which a program finds this copy's packages, and `python` is the Python that runs this.

    A file of the current folder must not be imported in place of a package: PYTHONSAFEPATH keeps that folder off the path.
    """
    before = variables()
    found = {"PYTHONPATH": str(CODE), "PATH": str(Path(sys.executable).parent)}
    joined = {name: os.pathsep.join(filter(None, (first, before.get(name)))) for name, first in found.items()}
    return {**before, **joined, "PYTHONSAFEPATH": "1"}


def _check_python() -> None:
    """Refuse a Python that the Procfile's `python` would not find, as Debian's own `python3` is."""
    python = Path(sys.executable).with_name("python")
    if not python.exists() or not python.samefile(sys.executable):
        print(
            f"onlyme start: expected {python} to be {sys.executable}, got another program or none; "
            "install onlyme with pipx, or into a virtual environment",
            file=sys.stderr,
        )
        sys.exit(EXIT_USAGE)


if __name__ == "__main__":
    main()
