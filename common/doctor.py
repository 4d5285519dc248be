"""`python -m common.doctor [--json]`: what works on this machine, and what to do about the rest.

The doctor only looks: it switches on no camera, and it fetches, removes and stops nothing. Exit code 0: a call can be brought
up; 1: something prevents it.

It must say something clear on any Python from 3.7 on, also where no package is installed, as in a fresh checkout. So the checks are
imported when they are run, and nothing newer than Python 3.7 stands here.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys

from common.runtime.install import DOCTOR_COMMAND, REINSTALL_COMMAND, SETUP_COMMAND, is_checkout


def find() -> list[dict[str, str]]:
    """Run all checks and return what each found, as the fields of Finding; one finding where they cannot be imported."""
    try:
        from common.checks import run_checks

        return [finding._asdict() for finding in run_checks()]
    except ImportError as error:
        found = f"not all can be loaded by {sys.executable} ({platform.python_version()}): {error}"
        hint = f"{SETUP_COMMAND}, then {DOCTOR_COMMAND}" if is_checkout() else REINSTALL_COMMAND
        return [{"what": "packages", "level": "FAIL", "found": found, "hint": hint}]


def main() -> None:
    """Print the findings; exit with 1 if one of them prevents a call."""
    parser = argparse.ArgumentParser(
        prog="python -m common.doctor", description="What works here, and what to do about the rest."
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
    as_json = parser.parse_args().json
    findings = find()
    is_ok = all(finding["level"] != "FAIL" for finding in findings)
    if as_json:
        print(json.dumps({"ok": is_ok, "findings": findings}, indent=1))
    else:
        for finding in findings:
            print(f"{finding['level']:<5} {finding['what']:<15} {finding['found']}")
            if finding["hint"]:
                print(f"{'':<21} → {finding['hint']}")
    sys.exit(0 if is_ok else 1)


if __name__ == "__main__":
    main()
