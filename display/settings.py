"""The settings of display."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from common.runtime.install import KEYS_COMMAND
from common.settings.base import setting
from common.settings.recording import SourceSettings
from common.settings.validators import boolean, float_range, int_range, one_of, path, tcp_address
from display.address import ip_of


def page_address(text: str) -> str:
    """Return HOST:PORT whose host is an address or localhost: the page is refused under any other name."""
    with suppress(ValueError):
        if ip_of(tcp_address(f"tcp://{text}")) is not None:
            return text
    raise ValueError("HOST:PORT, the host an address or localhost")


def token(text: str) -> str:
    """Return a token that nobody guesses, or ""."""
    if text and not re.fullmatch(r"[A-Za-z0-9_-]{16,128}", text):
        raise ValueError("16 to 128 letters, digits, - and _")
    return text


def node_name(text: str) -> str:
    """Return a name that people read in a list of cameras."""
    if not text.strip() or len(text) > 64 or not text.isprintable():
        raise ValueError("1 to 64 printable characters")
    return text


@dataclass(frozen=True)
class DisplaySettings(SourceSettings):
    """Where the composites go."""

    sink: str = setting(
        "auto",
        one_of("auto", "window", "web", "camera", "pipewire", "video", "record", "status", "headless"),
        "auto (window where there is a screen, else web), window, web (a page in the browser), camera (a virtual one), "
        "pipewire (a camera without a kernel module), video (an .mp4), record (every picture for itself), status (a table in the terminal) or headless",
    )
    view: str = setting(
        "filtered",
        one_of("filtered", "instances"),
        "filtered, or instances: everything that was found, drawn over the camera's own picture (privacy off; window and record only)",
    )
    web: str = setting("127.0.0.1:8765", page_address, "HOST:PORT that the page of the web sink is served on")
    token: str = setting(
        "",
        token,
        "secret that opens the page of the web sink; by default made up for each call. Every user of the machine sees "
        "flags in ps: ONLYME_TOKEN in the environment or in .env is safer",
        is_secret=True,
    )
    open_page: bool = setting(
        True,
        boolean,
        "open the page of the web sink in the browser when a call starts in a desktop session (never when a display is restarted)",
    )
    connect: str = setting("", tcp_address, "watch a relay, tcp://HOST:PORT, instead of the call on this machine")
    key: Path | None = setting(
        None, path, f"key file of this viewer, made by {KEYS_COMMAND} new on the relay's machine"
    )
    out: Path | None = setting(
        None,
        path,
        "folder that the record sink writes, or .mp4 file that the video sink writes; nothing is overwritten: call-2.mp4 follows call.mp4. "
        "With --pace every: .mp4, .mkv, .mov or .webm",
    )
    codec: str = setting(
        "h264",
        one_of("h264", "hevc", "vp9"),
        "with --pace every: how the video sink encodes pictures; .webm holds vp9",
    )
    quality: int = setting(
        18,
        int_range(0, 51),
        "with --pace every: quality of the video sink's pictures (CRF), lower is better and larger; at 18 no loss is seen",
    )
    sound: str = setting(
        "copy",
        one_of("copy", "mute"),
        "with --pace every: copy the recording's sound and subtitles as they are, or mute: leave out both, since subtitles say "
        "what is said",
    )
    metadata: str = setting(
        "drop",
        one_of("drop", "keep"),
        "with --pace every: drop what the recording says of its place, its device, its titles and chapters, or keep it; the "
        "languages of tracks are kept",
    )
    rotate_minutes: float = setting(
        0.0, float_range(0, 1e5), "minutes after which the video sink begins another file; 0: never"
    )
    rotate_mb: int = setting(
        0, int_range(0, 1_000_000), "size in MB at which the video sink begins another file; 0: never"
    )
    camera: str = setting(
        "", str, "virtual camera of the camera sink, such as /dev/video9; default: the first that is found"
    )
    camera_name: str = setting("onlyme", node_name, "name of the pipewire sink's camera, as people choose it")
    images: str = setting(
        "all", one_of("all", "none"), "all: the record sink writes every image; none: it writes frames.jsonl only"
    )
    seconds: float = setting(0.0, float_range(0, 1e6), "end the call after so many seconds of pictures; 0: never")
    status_every: float = setting(5.0, float_range(0.2, 3600), "seconds between two status lines of the headless sink")
