from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from common.setup import leave_dotenv_to_stages
from tests.call import BIN


def honcho_start(script: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(script), "start"], cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_a_plain_honcho_leaves_dotenv_to_the_stages(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ONLYME_SOURCE=/tmp/Anna's/a.avi\n")
    (tmp_path / "Procfile").write_text('probe: echo "[$ONLYME_SOURCE]"\n')
    script = tmp_path / "honcho"
    shutil.copy(BIN / "honcho", script)
    lines = script.read_text().splitlines(keepends=True)
    script.write_text("".join(line for line in lines if "set_defaults" not in line).replace("main, parser", "main"))
    assert "No closing quotation" in honcho_start(script, tmp_path).stderr, "the negative control: as pip made it"
    for _ in range(2):  # done again, it changes nothing
        leave_dotenv_to_stages(str(script))
        done = honcho_start(script, tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert "[]" in done.stdout
