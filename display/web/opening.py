"""Opens the page in the user's browser when a call starts."""

from __future__ import annotations

import html
import logging
import os
import threading
import webbrowser
from pathlib import Path

from common.runtime.environment import in_desktop_session, under_honcho

NAME = "open-page.html"
TEXT = """\
<!doctype html><html lang="en"><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0;url={url}"><title>onlyme</title><p><a href="{url}">Open the page of onlyme</a></p></html>
"""

log = logging.getLogger("onlyme")
_opened: set[Path] = set()  # by this process: a sink that is opened again opens no second tab


def open_once(url: str, run_dir: Path) -> None:
    """Open the page in the browser, where a whole call was started in a desktop session; each process does so once at most.

    `url` holds the token. A browser's arguments are shown to every user of the machine, so the browser is given a file that
    only this user may read, and that leads to the page.
    """
    if run_dir in _opened or not (under_honcho() and in_desktop_session()):
        return
    _opened.add(run_dir)
    path = run_dir / NAME
    try:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(TEXT.format(url=html.escape(url)))
    except OSError as error:
        log.info("the page is not opened by itself: %s cannot be written (%s)", path, error.strerror)
        return
    # a browser that starts may take seconds to answer
    threading.Thread(target=webbrowser.open, args=(path.absolute().as_uri(),), name="browser", daemon=True).start()
