"""The installed copy: the wheel is built, installed into an empty environment and started from another folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from tests.call import read_until
from tests.capture.sources.films import evenly, write_film
from tests.conftest import missing
from tests.shared import ROOT

DECOY = "raise SystemExit('a file of the current folder was imported in place of a package')\n"
ANOTHER_PROGRAM = """
import json, sys
from onlyme import RedactionError, redact
told = []
done = redact(sys.argv[1], "out.mp4", workers=1, point=(0.5, 0.5), at=0, progress=told.append)
try:
    redact(sys.argv[1], "out.mp4")
except RedactionError as error:
    text = str(error)
ours = [name for name in sys.modules if name.partition(".")[0] in ("capture", "infer", "compose", "display", "common")]
print(json.dumps({"frames": done.frames, "error": text, "ours": ours}))
"""
STAGES = ("capture", "infer", "compose", "display", "relay")
PACKAGES = ("capture", "infer", "compose", "display", "common")


def tracked_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.splitlines() if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from the tracked files, without a network."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        needed = tomllib.load(file)["build-system"]["requires"][0].partition(">=")[2]
    try:
        found = int(version("setuptools").partition(".")[0])
    except PackageNotFoundError:
        found = 0
    if found < int(needed):
        missing(f"setuptools {needed} or newer (make setup-dev)")
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    subprocess.run(["cp", "--parents", "-t", source, *tracked_files()], cwd=ROOT, check=True)
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(built), str(source))
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def onlyme(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an empty environment that finds the other packages in this one; return the command."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    here = [path for path in sys.path if path.endswith("site-packages")] or [sysconfig.get_path("purelib")]
    (packages / "others.pth").write_text("\n".join(here))
    pip("--python", str(folder / "bin" / "python"), "install", str(wheel))
    return folder / "bin" / "onlyme"


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "--no-input", *arguments]
    done = subprocess.run([*command, "--no-deps", "--no-index"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The folder where the user starts it, with files that must not be taken for packages."""
    for name in PACKAGES:
        (tmp_path / f"{name}.py").write_text(DECOY)
    return tmp_path


@pytest.fixture
def plain(tmp_path: Path) -> dict[str, str]:
    """No settings, no environment of Python's, and folders of the user that are empty but for the assets."""
    keep = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("ONLYME_", "VIRTUAL_ENV", "PYTHON", "XDG_DATA", "XDG_CONF"))
    }
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        keep.pop(name, None)
    path = ":".join(p for p in keep["PATH"].split(":") if p != str(Path(sys.executable).parent))
    return {**keep, "PATH": path, "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config")}


@contextmanager
def started(onlyme: Path, elsewhere: Path, env: dict[str, str], *flags: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [str(onlyme), "start", *flags], cwd=elsewhere, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    ) as call:  # fmt: skip
        try:
            yield call
        finally:
            call.kill()


def test_the_wheel_holds_the_whole_application_inside_one_package(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0] for name in names} == {"onlyme", f"onlyme-{version_of_the_project()}.dist-info"}
    code = {f for f in tracked_files() if f.split("/")[0] in PACKAGES}
    others = {"Procfile", "Procfile.camera", "mask-rcnn-coco/object_detection_classes_coco.txt", "__init__.py"}
    assert {name.removeprefix("onlyme/") for name in names if name.startswith("onlyme/")} == code | others


def version_of_the_project() -> str:
    with (ROOT / "pyproject.toml").open("rb") as file:
        found: str = tomllib.load(file)["project"]["version"]
    return found


def test_a_call_starts_from_another_folder_and_reads_its_dotenv(
    onlyme: Path, elsewhere: Path, plain: dict[str, str], run_dir: Path
) -> None:
    (elsewhere / ".env").write_text(
        "ONLYME_SOURCE=demo\nONLYME_WIDTH=320\nONLYME_HEIGHT=180\nONLYME_SINK=headless\nONLYME_STATUS_EVERY=0.5\n"
        f"ONLYME_FETCH=no\nONLYME_RUN_DIR={run_dir}\nPATH=/nowhere\n"
    )
    with started(onlyme, elsewhere, {**plain, "ONLYME_WIDTH": "336"}, "-c", "infer=2") as call:
        said = read_until(call, "display: live; ", limit_s=180)  # three programs start before the call does
        while not all(f"{stage}.1 started" in "".join(said) for stage in STAGES):  # honcho must know whom to stop
            said += read_until(call, "\n")
        assert "infer.2 started" in "".join(said)
        assert "first composite: 336 x 180" in "".join(said), "the environment comes before .env"
        time.sleep(0.2)  # honcho fails on a signal that comes while it prints
        call.send_signal(signal.SIGINT)
        rest, _ = call.communicate(timeout=20)
        assert call.returncode in (0, 130, -signal.SIGINT), "".join(said) + rest
    assert run_dir.is_dir()


@pytest.mark.parametrize(
    ("line", "says"), [("ONLYME_KERNAL=21", "ONLYME_KERNAL: no such setting"), ("ONLYME_KERNEL=40", "odd number")]
)
def test_a_mistake_in_the_dotenv_ends_the_start(
    line: str, says: str, onlyme: Path, elsewhere: Path, plain: dict[str, str]
) -> None:
    (elsewhere / ".env").write_text(f"{line}\n")
    done = subprocess.run(
        [str(onlyme), "start"], cwd=elsewhere, env=plain, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert says in done.stderr.splitlines()[-1]
    assert "started" not in done.stdout


def test_its_files_are_kept_in_the_users_folders(onlyme: Path, elsewhere: Path, plain: dict[str, str]) -> None:
    said = subprocess.run(
        [str(onlyme), "doctor", "--json"], cwd=elsewhere, env=plain, capture_output=True, text=True, check=False
    ).stdout
    found = {finding["what"]: finding["found"] for finding in json.loads(said)["findings"]}
    assert str(elsewhere / "data" / "onlyme" / "mask-rcnn-coco") in found["model"]
    made = subprocess.run(
        [str(onlyme), "keys", "new", "anna"], cwd=elsewhere, env=plain, capture_output=True, text=True, check=True
    ).stdout
    assert (elsewhere / "config" / "onlyme" / "keys").is_dir(), made


def test_another_program_redacts_a_recording(onlyme: Path, elsewhere: Path, plain: dict[str, str]) -> None:
    """Its own modules and those of its folder may have the names of our packages, and stay what they are."""
    call = write_film(elsewhere / "call.mp4", evenly(6, 25))
    done = subprocess.run(
        [str(onlyme.with_name("python")), "-c", ANOTHER_PROGRAM, str(call)], cwd=elsewhere,
        env={**plain, "ONLYME_MASK_RCNN": "none", "ONLYME_FETCH": "no"}, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    said = dict(json.loads(done.stdout))
    assert said["frames"] == 6
    assert said["error"].startswith("--out: expected a new file, got out.mp4")
    assert said["ours"] == [], "no module of this project but those of the package onlyme"
    assert {"out.mp4", "out.report.html", "out.results.jsonl"} <= {path.name for path in elsewhere.iterdir()}


def test_the_command_refuses_what_it_does_not_know(onlyme: Path, plain: dict[str, str]) -> None:
    done = subprocess.run([str(onlyme), "stop"], env=plain, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "invalid choice: 'stop'" in done.stderr
