"""`make bench`, or `python -m tests.bench NAME ...` for some of the tables. `people` alone takes options: `people -h`."""

from __future__ import annotations

import sys

from tests.bench import (
    compose_cost,
    footage,
    forward,
    growth,
    hiding,
    looks,
    people,
    remote,
    returns,
    text,
    transport,
    whole,
)
from tests.bench.machine import describe
from tests.shared import MASK_RCNN

TABLES = {
    "ring": transport.ring,
    "messages": transport.messages,
    "call": whole.main,
    "compose": compose_cost.main,
    "models": forward.models,
    "looks": looks.main,
    "proposals": forward.proposals,
    "workers": forward.workers,
    "latency": footage.latency,
    "footage": footage.main,
    "refine": footage.refine,
    "people": people.main,
    "returns": returns.main,
    "hiding": hiding.main,
    "text": text.main,
    "remote": remote.main,
    "growth": growth.main,
}
NEED_MODEL = {"proposals", "workers", "latency", "footage", "refine", "remote"}


def main() -> None:
    if sys.argv[1:2] == ["people"]:
        print(describe())
        people.main(sys.argv[2:])
        return
    names = sys.argv[1:] or list(TABLES)
    if unknown := set(names) - set(TABLES):
        sys.exit(f"bench: expected some of {', '.join(TABLES)}, got {', '.join(sorted(unknown))}")
    print(describe())
    for name in names:
        if name in NEED_MODEL and not MASK_RCNN.is_dir():
            print(f"\n{name}: left out, {MASK_RCNN} is not there")
            continue
        TABLES[name]()


if __name__ == "__main__":
    main()
