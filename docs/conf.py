"""Configuration of Sphinx: the site out of the Markdown files of this folder. `make docs` builds it."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

project = "onlyme"
copyright = "the authors of onlyme, Apache-2.0"
release = version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"onlyme {release}"
html_copy_source = False
html_show_sphinx = False
myst_heading_anchors = 3
nitpicky = True
