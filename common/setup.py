"""Sets the project up: virtual environment, pinned packages, a working OpenCV, assets. Standard library only.

Run as `python3 common/setup.py [--dev]` by `make setup`; done again it only compares a stamp. It must say something
clear on any Python 3, so nothing newer than its syntax stands here.
"""

import hashlib
import os
import re
import subprocess
import sys

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
WINDOW_PACKAGES = "libgl1 libglib2.0-0 libsm6 libxcb1"


def main():  # type: () -> None
    """Set up, or say in one line why not."""
    dev = "--dev" in sys.argv[1:]
    if sys.version_info < OLDEST:
        sys.exit(
            "setup: expected Python %d.%d or newer, got %s; run make PYTHON=python3.11"
            % (*OLDEST, sys.version.split()[0])
        )
    requirements = os.path.join(ROOT, "requirements-dev.txt" if dev else "requirements.txt")
    stamp = _stamp(dev)
    if not os.path.exists(stamp):
        print("setup: installing %s into .venv" % os.path.basename(requirements), flush=True)
        if not os.path.exists(PYTHON):
            _run(
                "make a virtual environment (Debian: apt-get install python3-venv)",
                [sys.executable, "-m", "venv", VENV],
            )
        # a call starts five processes at once, which had better find their modules compiled; most of what tests and lint
        # need is never imported, and compiling all of it takes twice as long as the rest of the installation
        later = ["--no-compile"] if dev else []
        _run("install packages (is the package index reachable?)", [*_pip("install"), *later, "-r", requirements])
        _ensure_cv2_imports()
        leave_dotenv_to_stages(os.path.join(VENV, "bin", "honcho"))
        for done in {stamp, _stamp(False)}:  # the development set holds the other
            with open(done, "w"):
                pass
    if subprocess.call([PYTHON, "-m", "common.vision.assets"], cwd=ROOT, stdout=subprocess.DEVNULL) != 0:
        sys.exit("setup: the assets above are missing; connect and run make setup again")


def _stamp(dev):  # type: (bool) -> str
    """A file that exists once exactly these requirements are installed."""
    digest = hashlib.sha256()
    names = ["requirements.txt"]
    if dev:
        names += [
            "requirements-dev.txt",
            "requirements-camera.txt",
            "requirements-bench.txt",
            "requirements-docs.txt",
            "requirements-ray.txt",
        ]
    for name in names:
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return os.path.join(VENV, "setup-%s-%s" % ("dev" if dev else "run", digest.hexdigest()[:12]))


def _ensure_cv2_imports():  # type: () -> None
    """Where OpenCV with windows lacks a system library, put the headless build of the same version in its place."""
    probe = subprocess.run([PYTHON, "-c", "import cv2"], capture_output=True, text=True, check=False)
    if probe.returncode == 0:
        return
    reason = (probe.stderr.strip().splitlines() or ["no reason given"])[-1]
    with open(os.path.join(ROOT, "requirements.txt")) as file:
        version = re.findall(r"opencv-python==(\S+)", file.read())[0]
    print("setup: OpenCV with windows does not import here: %s" % reason)
    print(
        "setup: installing the headless build instead: no window, the call is shown on a page in the browser. For the window:"
    )
    print("setup:   apt-get install %s  (Debian), then make clean setup" % WINDOW_PACKAGES, flush=True)
    _run("remove the build with windows", [*_pip("uninstall"), "-y", "opencv-python"])
    # forced: where both builds were installed, removing one has taken files of the other
    _run(
        "install the headless build",
        [*_pip("install"), "--no-deps", "--force-reinstall", "opencv-python-headless==" + version],
    )
    _run("import the headless OpenCV", [PYTHON, "-c", "import cv2"])


def leave_dotenv_to_stages(script):  # type: (str) -> None
    """Have a plain `honcho start` read no `.env`, by the program's own setting; `-e FILE` still names one.

    The stages read `.env` themselves. honcho reads it by other rules, and ends with a traceback at a single quote.
    """
    with open(script) as file:
        text = file.read()
    imports = "from honcho.command import main\n"
    with open(script, "w") as file:
        file.write(
            text.replace(
                imports,
                "from honcho.command import main, parser\n\nparser.set_defaults(env=%r)\n" % os.devnull,
            )
        )


def _pip(verb):  # type: (str) -> list[str]
    return [PYTHON, "-m", "pip", verb, "--disable-pip-version-check", "--quiet"]


def _run(what, command):  # type: (str, list[str]) -> None
    if subprocess.call(command, cwd=ROOT) != 0:
        sys.exit("setup: could not %s" % what)


if __name__ == "__main__":
    main()
