"""The documents are true: what is generated is current, what is named is there, and the site builds without a broken link."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from common.command import PROGRAMS
from common.settings.base import flag_of, variable_of
from common.stages import all_settings
from docs import generate
from tests.conftest import missing
from tests.shared import ROOT

PAGES = sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS = [
    *PAGES,
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "mask-rcnn-coco/README.md")),
]
CODE = [path for path in ROOT.glob("*/**/*.py") if not path.relative_to(ROOT).parts[0].startswith(".")]
TOP = "capture|infer|compose|display|common|tests|docs|mask-rcnn-coco"
MADE = ("docs/_build", "mask-rcnn-coco/tutorial", "mask-rcnn-coco/not-fetched.txt")  # made by a user's command
OTHERS_MODULES = {"pip", "venv", "pytest"}
LONGEST_README = 150  # lines


def missing_paths(text: str) -> set[str]:
    """Return the files and folders of this project that `text` names and that are not there; `*` stands for any name."""
    named = set(re.findall(rf"(?<![\w./-])((?:{TOP})/[\w./*-]*[\w/*])", text))
    named |= set(re.findall(r"(?<![\w./-])(requirements[\w-]*\.txt|[A-Z]{3,}\.md)\b", text))
    return {name for name in named if not name.startswith(MADE) and not any(ROOT.glob(name.rstrip("/")))}


def missing_modules(text: str) -> set[str]:
    """Return the modules that `text` calls with `python -m`, and the tables of the bench, that are not there."""
    found = set()
    for name in set(re.findall(r"python3? -m ([\w.]+\w)", text)) - OTHERS_MODULES:
        base = ROOT.joinpath(*name.split("."))
        if not base.with_suffix(".py").is_file() and not (base / "__main__.py").is_file():
            found.add(name)
    tables = set(re.findall(r'"([a-z]+)": ', (ROOT / "tests" / "bench" / "__main__.py").read_text()))
    return found | {f"tests.bench {name}" for name in set(re.findall(r"-m tests\.bench ([a-z]+)", text)) - tables}


def missing_commands(text: str) -> set[str]:
    """Return the targets of make and the commands of `onlyme` that `text` names and that are not there."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    lines = [line.strip() for line in re.findall(r"`([^`\n]+)`", text)]
    lines += [
        line for block in re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL) for line in block.splitlines()
    ]
    made = [line.partition("#")[0].split()[1:] for line in lines if line.startswith("make ")]
    words = {word for line in made for word in line if re.fullmatch(r"[a-z-]+", word)}
    ours = {found[1] for line in lines if (found := re.match(r"(?:ONLYME_\S+ )*onlyme ([a-z][a-z-]*)", line))}
    return {f"make {word}" for word in words - targets} | {f"onlyme {word}" for word in ours - {"start", *PROGRAMS}}


def missing_settings(text: str) -> set[str]:
    """Return the variables that `text` names and that no stage reads."""
    known = {variable_of(item.name) for kind in all_settings().values() for item in fields(kind)} | {"ONLYME_SOME_NAME"}
    return set(re.findall(r"ONLYME_[A-Z_]+", text)) - known


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_what_a_page_names_is_there(path: Path) -> None:
    text = path.read_text()
    assert missing_paths(text) == set()
    assert missing_modules(text) == set()
    assert missing_commands(text) == set()
    assert missing_settings(text) == set()
    links = [link for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) if not link.startswith("#")]
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_a_name_that_is_not_there_is_found() -> None:
    assert missing_paths("see `compose/who/nobody.py`, `common/ipc/`, tests/pictures/*.jpg and tests/*.toml") == {
        "compose/who/nobody.py",
        "tests/*.toml",
    }
    assert missing_paths("DESIGN.md or README.md") == {"DESIGN.md"}
    text = "python -m common.nobody, python -m tests.bench people, python -m tests.bench nothing, python -m capture"
    assert missing_modules(text) == {"common.nobody", "tests.bench nothing"}
    text = "`make nothing`, `make clean setup`, `onlyme stop`\n```\nmake test  # all\nONLYME_FPS=3 onlyme go\n```\n"
    assert missing_commands(text) == {"make nothing", "onlyme stop", "onlyme go"}
    assert missing_settings("ONLYME_SOURCE or ONLYME_KERNAL") == {"ONLYME_KERNAL"}


def test_no_comment_cites_a_document_that_is_not_here() -> None:
    cited = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in CODE
        if path.name != "test_docs.py"
        for name in [
            *re.findall(r"(?<![\w./*-])[\w/-]+\.md\b", path.read_text()),
            *(f"{word}.md" for word in re.findall(r"\b([A-Z]{4,}),? (?:section |P)\d", path.read_text())),
        ]
        if not (ROOT / name).is_file() and not (path.parent / name).is_file()
    }
    assert cited == set()


def test_the_generated_files_are_current() -> None:
    old = [str(path.relative_to(ROOT)) for path, text in generate.generated().items() if path.read_text() != text]
    assert old == [], "run python -m docs.generate"


def test_every_setting_stands_in_the_example_and_on_its_page() -> None:
    example, page = (ROOT / ".env.example").read_text(), (ROOT / "docs" / "settings.md").read_text()
    names = {f.name for kind in all_settings().values() for f in fields(kind)}
    assert {n for n in names if f"{variable_of(n)}=" not in example} == set()
    assert {n for n in names if f"`{flag_of(n)}`" not in page} == set()
    assert set(re.findall(r"^#? ?(ONLYME_\w+)=", example, re.MULTILINE)) == {variable_of(n) for n in names}


def test_every_stream_is_a_row_of_how_it_works() -> None:
    page = (ROOT / "docs" / "how-it-works.md").read_text()
    assert page.count(generate.streams_table()) == 1
    for row in (
        "| frames | capture → compose | ipc socket + ring | FrameCaptured, SourceNotice, SourceLost, SourceIdle, RecordingEnded | every frame |",
        "| heartbeat | a stage's child → its parent | shared page | time of the loop's last turn, level of the log |",
    ):
        assert row in page


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= LONGEST_README


def test_the_changelog_names_the_version_below_what_is_unreleased() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(version)} - \d{{4}}-\d\d-\d\d", headings[1])


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What the site is built from, in another folder."""
    if importlib.util.find_spec("sphinx") is None:
        missing("Sphinx (make setup-dev)")
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("_build"))
    shutil.copytree(ROOT / "tests" / "pictures", tmp_path / "tests" / "pictures")
    for name in ("CHANGELOG.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def build(copy: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "-q", "docs", "site"]
    return subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)


def test_the_site_builds_and_loads_nothing_from_elsewhere(copy: Path) -> None:
    done = build(copy)
    assert done.returncode == 0, done.stderr
    built = [path.read_text() for path in (copy / "site").glob("*.html")]
    assert len(built) > len(PAGES)
    assert [
        found for text in built for found in re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"(?:https?:)?//", text)
    ] == []


def test_a_broken_link_fails(copy: Path) -> None:
    for page in (copy / "docs").glob("*.md"):
        page.unlink()
    (copy / "docs" / "index.md").write_text("# One page\n\n[here](#one-page) and [nowhere](#nothing-of-this-name)\n")
    done = build(copy)
    assert done.returncode != 0
    (warning,) = re.findall(r"WARNING: .*", done.stderr)
    assert "nothing-of-this-name" in warning
