"""Builds the wheel: adds what a checkout cannot hold, `onlyme/__init__.py`. All else stands in pyproject.toml.

In the root of a checkout that file would make a package of the checkout, and every test and type check would have to be
called by the name of its folder.
"""

from __future__ import annotations

from pathlib import Path

from setuptools.command.build_py import build_py

PACKAGE = '''"""Keeps one person sharp in a video and hides everything else; docs/recordings.md describes `redact`."""

from .common.redaction.client import RedactionError, redact
from .common.redaction.outcome import Options, Progress, Redaction

__all__ = ["Options", "Progress", "Redaction", "RedactionError", "redact"]
'''


class BuildPackage(build_py):  # type: ignore[misc] # it has no annotations
    """Build the packages, then write the one file."""

    def run(self) -> None:
        """See setuptools."""
        super().run()
        Path(self.build_lib, "onlyme", "__init__.py").write_text(PACKAGE)
