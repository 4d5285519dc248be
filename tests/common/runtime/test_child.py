from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.call import environment
from tests.shared import ROOT

LOOP = """
def run(settings, stage):
    raise PermissionError(13, "Permission denied", "/some/file")
"""


def test_a_file_without_permission_is_one_line(run_dir: Path, tmp_path: Path) -> None:
    """No restart would mend it."""
    (tmp_path / "probe").mkdir()
    (tmp_path / "probe" / "loop.py").write_text(LOOP)
    env = {**environment({}, run_dir), "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    command = [sys.executable, "-c", "from common.runtime.supervisor import launch; launch('capture', 'probe')"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    says = (
        "capture: expected to be allowed to use /some/file, got: Permission denied; mend its rights, or name another\n"
    )
    assert (done.returncode, done.stderr) == (2, says)


@pytest.mark.root
def test_a_proc_of_another_container_is_one_line(run_dir: Path) -> None:
    """Every pid in it means another process: the call ended at once, as if honcho were gone, with code 0."""
    command = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-m", "capture"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment({"source": "demo"}, run_dir), capture_output=True, text=True, check=False, timeout=60
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert done.stderr.startswith("capture: expected /proc to show the processes of this container")
