"""Tell a checkout from an installed copy, and name the folders that differ between the two.

A checkout keeps the model and `.env` in the project's root. An installed copy must not write beside its own code: it keeps
the model in the user's data folder, assets in the cache folder and keys in the configuration folder, as in a checkout, and
reads `.env` from the folder where the user starts it.
"""

from __future__ import annotations

from pathlib import Path

APPLICATION = "onlyme"
CODE = Path(__file__).resolve().parents[2]  # holds the stages' packages and the Procfile
SHIPPED_MODEL_FOLDER = CODE / "mask-rcnn-coco"  # holds the list of classes and no weights


def is_checkout(code: Path = CODE) -> bool:
    """Return True where the code lies in a checkout: no wheel holds `pyproject.toml`."""
    return (code / "pyproject.toml").is_file()


def model_folder(code: Path = CODE) -> Path:
    """Return the folder that a Mask R-CNN is fetched into and looked for in; it may not exist yet.

    A user without a home folder has none but that of the code.
    """
    if is_checkout(code):
        return code / "mask-rcnn-coco"
    import platformdirs  # the doctor imports this module in a checkout where no package is installed

    try:
        return platformdirs.user_data_path(APPLICATION) / "mask-rcnn-coco"
    except RuntimeError:
        return code / "mask-rcnn-coco"


def version(code: Path = CODE) -> str:
    """Return the version of this copy."""
    import importlib.metadata
    import tomllib  # the doctor imports this module on a Python that has none

    if is_checkout(code):
        return str(tomllib.loads((code / "pyproject.toml").read_text())["project"]["version"])
    return importlib.metadata.version(APPLICATION)


def dotenv_file(code: Path = CODE) -> Path:
    """Return the `.env` that is read; it may not exist."""
    return code / ".env" if is_checkout(code) else Path.cwd() / ".env"


_CHECKOUT = is_checkout()
# commands that messages tell the user to run
RUN_COMMAND = "make run" if _CHECKOUT else "onlyme start"
SETUP_COMMAND = "make setup" if _CHECKOUT else "onlyme start"
REINSTALL_COMMAND = "make clean setup" if _CHECKOUT else "pipx reinstall onlyme"
MODEL_COMMAND = "make model" if _CHECKOUT else "onlyme model"
DOCTOR_COMMAND = ".venv/bin/python -m common.doctor" if _CHECKOUT else "onlyme doctor"
LIST_COMMAND = "python -m capture --list" if _CHECKOUT else "onlyme cameras"
CAMERA_COMMAND = ".venv/bin/pip install -r requirements-camera.txt" if _CHECKOUT else 'pipx install --force ".[camera]"'
RAY_COMMAND = ".venv/bin/pip install -r requirements-ray.txt" if _CHECKOUT else 'pipx install --force ".[ray]"'
SERVICE_COMMAND = "python -m common.service" if _CHECKOUT else "onlyme install-service"
KEYS_COMMAND = "python -m display.relay.keyring" if _CHECKOUT else "onlyme keys"
# with a place for the relay's address, and for the viewer's key file
WATCH_COMMAND = (
    "python -m display --connect {address} --key {key}"
    if _CHECKOUT
    else "ONLYME_CONNECT={address} ONLYME_KEY={key} onlyme start display"
)
