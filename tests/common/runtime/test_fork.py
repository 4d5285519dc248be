from __future__ import annotations

import subprocess
import sys

from tests.shared import ROOT


def test_a_stages_parent_forks_with_one_thread() -> None:
    code = (
        "import os, sys; import common.runtime.supervisor as p; fork = os.fork\n"
        "def watched():\n"
        "    print(len(os.listdir('/proc/self/task'))); sys.stdout.flush(); return fork()\n"
        "os.fork = watched; sys.argv[1:] = ['--help']; p.launch('capture')"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0] == "1"
