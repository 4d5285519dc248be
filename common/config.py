"""Settings: flags, then environment, then `.env`, then defaults. This is the one schema of all stages.

Every flag `--some-name` is `ONLYME_SOME_NAME` in the environment and in `.env`. A stage takes the flags of its own
settings; the environment is shared by all stages, so a variable that belongs to another stage is left alone, and one
that belongs to none is refused: a misspelt privacy setting must not be silently ignored.

Every stage's child loads this. What most calls never need (difflib, dotenv, platformdirs, tempfile: 0.7 MB) is loaded
where it is used.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import configargparse

from common.errors import ConfigError
from common.runtime.environment import runtime_folder, variables
from common.runtime.install import dotenv_file, model_folder
from common.vision.coco import NAMES

PREFIX = "ONLYME_"
MODEL_FOLDER = model_folder()  # of --mask-rcnn, where nobody names another
MASK_AGE_MS = 750
MASK_AGE_ALONE_MS = 2000  # where one person alone is followed (compose/who/alone.py)
NO_MODEL = Path("none")  # of --mask-rcnn
AUTO, CPU = "auto", "cpu"
DEVICES = (AUTO, CPU, "cuda", "tensorrt", "coreml", "directml", "openvino")
REPLACED = {"backend": "device", "target": "device"}  # settings of earlier versions, and what they are now
S = TypeVar("S", bound="Settings")


def setting(default: Any, check: Callable[[str], Any], text: str, *, short: str = "", switch: bool = False) -> Any:
    """A dataclass field that is also a flag.

    Args:
        default: Value where nobody says otherwise.
        check: Turns the text given by the user into the value; raises ValueError saying what was expected.
        text: Help.
        short: One-letter form, such as "-k".
        switch: The flag alone says "yes".
    """
    return field(default=default, metadata={"check": check, "help": text, "short": short, "switch": switch})


def whole(low: int, high: int) -> Callable[[str], int]:
    """Check for a whole number low..high."""

    def check(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ValueError(f"a whole number {low}..{high}")
        return value

    return check


def real(low: float, high: float) -> Callable[[str], float]:
    """Check for a number low..high."""

    def check(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:  # also false for NaN
            raise ValueError(f"a number {low:g}..{high:g}")
        return value

    return check


def one_of(*choices: str) -> Callable[[str], str]:
    """Check for one of the given words."""

    def check(text: str) -> str:
        if text not in choices:
            raise ValueError("one of " + ", ".join(choices))
        return text

    return check


def path(text: str) -> Path:
    """Check for a path; `~` is the home folder."""
    if not text:
        raise ValueError("a path")
    return Path(text).expanduser()


def age(text: str) -> int:
    """Check for an age in milliseconds, or 0."""
    value = int(text) if re.fullmatch(r"\d{1,5}", text) else -1
    if value != 0 and not 50 <= value <= 10000:
        raise ValueError("a whole number 50..10000, or 0")
    return value


def rate(text: str) -> float:
    """Check for a rate a second, or 0; a rarer one would outlive every mask."""
    value = real(0, 240)(text)
    if 0 < value < 0.2:
        raise ValueError("a number 0.2..240, or 0")
    return value


def address(text: str) -> str:
    """Check for an address tcp://HOST:PORT."""
    found = re.fullmatch(r"tcp://(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):(\d{1,5})", text)
    if text and (not found or not 1 <= int(found[2]) <= 65535):
        raise ValueError("tcp://HOST:PORT")
    return text


def host_port(text: str) -> str:
    """Check for HOST:PORT whose host is an address or localhost: the page is refused under any other name."""
    try:
        host = address(f"tcp://{text}").removeprefix("tcp://").rpartition(":")[0].strip("[]")
        if host != "localhost":
            ipaddress.ip_address(host)
    except ValueError:
        raise ValueError("HOST:PORT, the host an address or localhost") from None
    return text


def token(text: str) -> str:
    """Check for a token that nobody guesses, or nothing."""
    if text and not re.fullmatch(r"[A-Za-z0-9_-]{16,128}", text):
        raise ValueError("16 to 128 letters, digits, - and _")
    return text


def odd_kernel(text: str) -> int:
    """Check for a blur kernel: odd, or 0. One that is too weak for a frame is raised when the frame's size is known."""
    value = int(text) if re.fullmatch(r"\d{1,4}", text) else -1
    if value != 0 and (value % 2 == 0 or not 1 <= value <= 301):
        raise ValueError("an odd number of pixels 1..301, or 0")
    return value


def background(text: str) -> str:
    """Check for a background: blur, color:RRGGBB, image:PATH or video:PATH."""
    if text == "blur" or re.fullmatch(r"color:[0-9a-fA-F]{6}", text) or re.fullmatch(r"(image|video):.+", text):
        return text
    raise ValueError("blur, color:RRGGBB, image:PATH or video:PATH")


def classes(text: str) -> tuple[str, ...]:
    """Check for names of COCO classes, separated by commas."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name not in NAMES:
            import difflib

            near = difflib.get_close_matches(name, NAMES, n=3, cutoff=0.5)
            raise ValueError(
                f"names of COCO classes{' such as ' + ', '.join(near) if near else ''} instead of {name!r}"
            )
    return names


def yes(text: str) -> bool:
    """Check for yes or no."""
    return one_of("yes", "no")(text) == "yes"


def word(text: str) -> str:
    """Check for any text that is not empty."""
    if not text:
        raise ValueError("some text")
    return text


def _default_run_dir() -> Path:
    if home := runtime_folder():
        return Path(home) / "onlyme"
    import tempfile

    return Path(tempfile.gettempdir()) / f"onlyme-{os.getuid()}"


@dataclass(frozen=True)
class Settings:
    """What every stage takes."""

    run_dir: Path | None = setting(
        None,
        path,
        "folder of this call's sockets and locks, that nobody else may write in; one call per folder (default: onlyme "
        "in the user's runtime folder, else onlyme-UID in the temporary folder)",
    )
    log_level: str = setting("info", one_of("debug", "info", "warning", "error"), "how much is said on standard error")

    @property
    def call_dir(self) -> Path:
        """The run folder, resolved."""
        return self.run_dir if self.run_dir is not None else _default_run_dir()


@dataclass(frozen=True)
class CaptureSettings(Settings):
    """Where frames come from."""

    source: str = setting(
        "auto",
        word,
        "auto (camera 0, else demo), camera:N, demo, a video file, a folder of images, or an rtsp:// or "
        "http:// address; one with a password is safer in .env or the environment, for ps shows flags to every user",
    )
    width: int = setting(1280, whole(64, 16384), "width asked of a camera and drawn by demo, pixels")
    height: int = setting(720, whole(64, 16384), "height asked of a camera and drawn by demo, pixels")
    fps: float = setting(30.0, real(1, 240), "rate asked of a camera, of demo and of a folder of images, per second")
    play: str = setting("loop", one_of("loop", "once"), "play a file or folder again and again, or once and end")


_MAX_INFER_HZ = setting(0.0, rate, "frames a second that one worker looks at, at most; 0: as many as it can")


_CPU = setting(
    0.0, real(0, 6400), "CPU of the whole call in percent of one core: people are looked for more rarely, then the matte "
    "runs on fewer frames; 0: no limit"
)  # fmt: skip
_BATTERY = setting(False, yes, "while on battery as with --cpu 100", switch=True)


_MAX_MASK_AGE = setting(
    0,
    age,
    f"a mask older than this shows nobody, milliseconds; 0: {MASK_AGE_MS}, or {MASK_AGE_ALONE_MS} while one person alone is "
    "followed, and the interval of --max-infer-hz more",
)


def mask_age_limit_ms(max_mask_age: int, max_infer_hz: float) -> float:
    """The age from which a mask shows nobody. Results that are made rare on purpose may be that much older."""
    if max_mask_age:
        return max_mask_age
    return MASK_AGE_MS + (1000 / max_infer_hz if max_infer_hz else 0)


@dataclass(frozen=True)
class InferSettings(Settings):
    """Which network looks for people, and how."""

    mask_rcnn: Path = setting(
        MODEL_FOLDER,
        path,
        "folder with a Mask R-CNN: an .onnx, or a .pb, its .pbtxt and object_detection_classes_coco.txt; none: the embedded "
        "who finds people",
        short="-m",
    )
    confidence: float = setting(0.5, real(0, 1), "least probability of a detection", short="-c")
    threshold: float = setting(0.3, real(0, 1), "least probability of a pixel in a mask", short="-t")
    infer_width: int = setting(600, whole(64, 4096), "frames are resized to this width for the network only, pixels")
    proposals: int = setting(20, whole(0, 1000), "regions the network looks at closely; 0 leaves the graph as it is")
    detections: int = setting(7, whole(0, 1000), "objects the network reports; 0 leaves the graph as it is")
    device: str = setting(
        AUTO,
        one_of(*DEVICES),
        f"what an .onnx runs on, one of {', '.join(DEVICES)}, as far as this ONNX Runtime was built for it; auto: the fastest",
    )
    max_infer_hz: float = _MAX_INFER_HZ
    threads: int = setting(0, whole(0, 256), "threads of one worker; 0 shares the cores among the workers")
    max_mask_age: int = _MAX_MASK_AGE

    @property
    def mask_age_limit_ms(self) -> float:
        """See mask_age_limit_ms: of a worker that compose has told nothing yet."""
        return mask_age_limit_ms(self.max_mask_age, self.max_infer_hz)


@dataclass(frozen=True)
class ComposeSettings(Settings):
    """Who stays sharp and what hides the rest."""

    confidence: float = setting(0.5, real(0, 1), "least probability of a detection", short="-c")
    threshold: float = setting(0.3, real(0, 1), "least probability of a pixel in a mask", short="-t")
    kernel: int = setting(
        0,
        odd_kernel,
        "Gaussian blur kernel, odd, in pixels of a picture 600 wide; 0: sigma is 1/30 of the height. Below 1/35 it is "
        "raised to that, so that no face is recognised",
        short="-k",
    )
    edge: str = setting("soft", one_of("soft", "hard"), "soft alpha, or the tutorial's hard paste")
    refine: str = setting(
        "matte",
        one_of("matte", "guided", "none"),
        "edge on the present frame by the small matte; by flow and guided filter, also where the matte is not there; "
        "or the result's own mask as it is",
    )
    subject: str = setting(
        "lock",
        one_of("lock", "top", "all"),
        "who stays sharp: one person, followed; the most confident one of each result; every person",
    )
    return_: str = setting(
        "auto",
        one_of("auto", "ask"),
        "a subject that left and comes back is shown again where that is not in doubt, or always waits for a key or click",
    )
    keep: tuple[str, ...] = setting(
        (), classes, "COCO classes that stay sharp while they touch the subject, separated by commas"
    )
    background: str = setting("blur", background, "what hides the room: blur, color:RRGGBB, image:PATH or video:PATH")
    max_mask_age: int = _MAX_MASK_AGE
    max_infer_hz: float = _MAX_INFER_HZ
    cpu: float = _CPU
    battery: bool = _BATTERY

    @property
    def mask_age_limit_ms(self) -> float:
        """See mask_age_limit_ms."""
        return mask_age_limit_ms(self.max_mask_age, self.max_infer_hz)

    @property
    def mask_age_alone_ms(self) -> float:
        """The same while one person alone is followed; what the user says holds for everybody."""
        return self.max_mask_age or max(MASK_AGE_ALONE_MS, self.mask_age_limit_ms)


@dataclass(frozen=True)
class DisplaySettings(Settings):
    """Where the composites go."""

    sink: str = setting(
        "auto",
        one_of("auto", "window", "web", "camera", "video", "record", "status", "headless"),
        "auto (window where there is a screen, else web), window, web (a page in the browser), camera (a virtual one), "
        "video (an .mp4), record (every picture for itself), status (a table in the terminal) or headless",
    )
    view: str = setting(
        "filtered",
        one_of("filtered", "instances"),
        "filtered, or every instance drawn over the camera's own picture: privacy off, only for window and record",
    )
    web: str = setting("127.0.0.1:8765", host_port, "HOST:PORT that the page of the web sink is served on")
    token: str = setting(
        "", token, "opens the page of the web sink; made up for each call where none is given. Every user of the machine "
        "sees a flag in ps: ONLYME_TOKEN in the environment or in .env is safer"
    )  # fmt: skip
    connect: str = setting("", address, "watch a relay, tcp://HOST:PORT, instead of the call on this machine")
    key: Path | None = setting(
        None, path, "file made for this viewer by python -m common.keys new, on the relay's machine"
    )
    out: Path | None = setting(None, path, "folder that the record sink writes, new or empty; .mp4 of the video sink")
    rotate_minutes: float = setting(0.0, real(0, 1e5), "the video sink begins another file after so long; 0: never")
    rotate_mb: int = setting(0, whole(0, 1_000_000), "the video sink begins another file at this size; 0: never")
    camera: str = setting(
        "", str, "virtual camera of the camera sink, such as /dev/video9; none: the first that is found"
    )
    images: str = setting("all", one_of("all", "none"), "record every image, or only frames.jsonl")
    seconds: float = setting(0.0, real(0, 1e6), "end the call after so many seconds of pictures; 0: never")
    status_every: float = setting(5.0, real(0.2, 3600), "seconds between two status lines of the headless sink")


@dataclass(frozen=True)
class RelaySettings(Settings):
    """Who else may see the composites, over the network."""

    relay: str = setting("", address, "tcp://HOST:PORT to serve composites on, such as tcp://0.0.0.0:5555; none: off")
    keys: Path | None = setting(
        None, path, "folder of keys, see python -m common.keys (default: in the user's settings)"
    )
    curve: bool = setting(
        True,
        yes,
        "encrypt and let in listed keys only; no: on loopback, every user of this machine may watch",
        switch=True,
    )
    allow_control: bool = setting(
        False, yes, "viewers whose key says so may turn privacy on and choose the subject", switch=True
    )
    relay_quality: int = setting(80, whole(10, 100), "JPEG quality of what is relayed")
    relay_width: int = setting(0, whole(0, 16384), "relay pictures no wider than this, pixels; 0: as they are")

    @property
    def keys_folder(self) -> Path:
        """The folder of keys, resolved."""
        if self.keys is not None:
            return self.keys
        import platformdirs

        return Path(platformdirs.user_config_dir("onlyme")) / "keys"


def keys_dir() -> Path:
    """The folder of keys that the environment or `.env` names, or the default."""
    return read_settings(RelaySettings, "python -m common.keys", []).keys_folder


@dataclass(frozen=True)
class FirstStartSettings(Settings):
    """What `make run` does before the first call."""

    fetch: bool = setting(
        True,
        yes,
        "make run fetches a small Mask R-CNN where there is none, once; no: it never asks for one",
        switch=True,
    )


STAGES: dict[str, type[Settings]] = {
    "capture": CaptureSettings,
    "infer": InferSettings,
    "compose": ComposeSettings,
    "display": DisplaySettings,
    "relay": RelaySettings,
}
SCHEMAS: dict[str, type[Settings]] = {**STAGES, "first start": FirstStartSettings}


def flag_of(name: str) -> str:
    """`some_name` → `--some-name`; `return_` → `--return`."""
    return "--" + name.rstrip("_").replace("_", "-")


def variable_of(name: str) -> str:
    """`some_name` → `ONLYME_SOME_NAME`; `return_` → `ONLYME_RETURN`."""
    return PREFIX + name.rstrip("_").upper()


def _refuse(message: str) -> NoReturn:
    """Say one line instead of the whole usage, as an error of ours; `ArgumentParser.error` is replaced by this."""
    said = re.sub(r"(\w+://)\S*@\S*", r"\1...", message)  # no password on a terminal that others may see
    raise ConfigError(f"{said}; see --help")


def read_settings(
    kind: type[S],
    prog: str,
    argv: Sequence[str],
    environ: Mapping[str, str] | None = None,
    dotenv_path: Path | None = None,
) -> S:
    """Settings of one stage.

    Args:
        kind: The stage's settings.
        prog: How the program is called, for the help.
        argv: Flags, without the program's name.
        environ: Environment; the process's own by default.
        dotenv_path: File of `NAME=value` lines, by default that of `dotenv_file`.

    Raises:
        ConfigError: Something is unknown, malformed or out of range.
        SystemExit: `--help` was asked for.
    """
    outer = dict(variables() if environ is None else environ)
    dotenv_path = dotenv_file() if dotenv_path is None else dotenv_path
    merged = {k: v for k, v in {**_dotenv(dotenv_path), **outer}.items() if k.startswith(PREFIX)}
    known = {variable_of(f.name) for kind in SCHEMAS.values() for f in fields(kind)}
    _refuse_replaced({*merged, *(flag.partition("=")[0] for flag in argv)})
    for name in sorted(set(merged) - known):
        import difflib

        near = difflib.get_close_matches(name, known, n=3) or ["a setting of .env.example"]
        raise ConfigError(f"{name}: no such setting; expected {' or '.join(near)}; mend or unset it")

    parser = configargparse.ArgumentParser(
        prog=prog, description=kind.__doc__, allow_abbrev=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.error = _refuse
    for item in fields(kind):
        meta = item.metadata
        names = [flag_of(item.name), *([meta["short"]] if meta["short"] else [])]
        default = None if item.default is MISSING else item.default
        # argparse expands "%": none of our texts has one
        parser.add_argument(
            *names,
            dest=item.name,
            type=_as_argparse(meta["check"]),
            default=default,
            help=meta["help"],
            metavar=item.name.rstrip("_").upper(),
            env_var=variable_of(item.name),
            **({"nargs": "?", "const": meta["check"]("yes")} if meta["switch"] else {}),
        )
    values = vars(parser.parse_args(list(argv), env_vars=merged))
    return kind(**{item.name: values[item.name] for item in fields(kind)})


def _refuse_replaced(given: set[str]) -> None:
    """Name what took the place of a setting that is no more."""
    for old, new in REPLACED.items():
        if found := given & {flag_of(old), variable_of(old)}:
            raise ConfigError(
                f"{found.pop()}: expected {flag_of(new)} or {variable_of(new)}, which replaces it ({', '.join(DEVICES)}); "
                "give that, or unset it"
            )


def _dotenv(path: Path) -> dict[str, str]:
    """The lines of a `.env`, none where there is no such file."""
    if not path.is_file():
        return {}
    import dotenv

    return {name: value or "" for name, value in dotenv.dotenv_values(path).items()}


def _as_argparse(check: Callable[[str], Any]) -> Callable[[str], Any]:
    def convert(text: str) -> Any:
        try:
            return check(text)
        except ValueError as error:
            got = "something else" if check is token else repr(text)  # what is nearly a token must not be in a log
            raise argparse.ArgumentTypeError(f"expected {error}, got {got}") from None

    return convert
