"""`make bench`, or `python -m tests.bench NAME ... [--device DEVICE] [--kinds KIND,...] [--seeds N]` for some of the tables."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial

from infer.settings import CPU, DEVICES
from tests.bench import (
    busy,
    compose_cost,
    edge,
    films,
    footage,
    forward,
    growth,
    hide,
    hiding,
    looks,
    masks,
    meeting,
    peer,
    people,
    pipewire,
    recording_speed,
    recordings,
    remote,
    returns,
    slow_recording,
    text,
    transport,
    whole,
)
from tests.bench.machine import describe
from tests.shared import MASK_RCNN

TABLES: dict[str, Callable[[], None]] = {
    "ring": transport.ring,
    "messages": transport.messages,
    "whole": whole.main,
    "call": meeting.main,
    "peer": peer.main,
    "busy": busy.main,
    "compose": compose_cost.main,
    "films": films.main,
    "models": forward.models,
    "looks": looks.main,
    "proposals": forward.proposals,
    "workers": forward.workers,
    "latency": footage.latency,
    "footage": footage.main,
    "refine": footage.refine,
    "edge": edge.main,
    "returns": returns.main,
    "recordings": recordings.main,
    "redacting": recording_speed.main,
    "slow": slow_recording.main,
    "hide": hide.main,
    "hiding": hiding.main,
    "text": text.main,
    "remote": remote.main,
    "pipewire": pipewire.main,
    "growth": growth.main,
}
NEED_MODEL = {"masks", "proposals", "workers", "latency", "footage", "refine", "remote"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--device", choices=DEVICES[1:], default=CPU, help="of `masks`, beside the processor")
    parser.add_argument(
        "--kinds", default=",".join(people.KINDS), help=f"of `people`: some of {', '.join(people.KINDS)}"
    )
    parser.add_argument("--seeds", type=int, default=people.SEEDS, help="of `people`: courses of each situation")
    args = parser.parse_args()
    tables: dict[str, Callable[[], None]] = {
        **TABLES,
        "masks": partial(masks.main, args.device),
        "people": partial(people.main, args.kinds.split(","), args.seeds),
    }
    names = args.names or list(tables)
    if unknown := set(names) - set(tables):
        sys.exit(f"bench: expected some of {', '.join(tables)}, got {', '.join(sorted(unknown))}")
    print(describe())
    for name in names:
        if name in NEED_MODEL and not MASK_RCNN.is_dir():
            print(f"\n{name}: left out, {MASK_RCNN} is not there")
            continue
        tables[name]()


if __name__ == "__main__":
    main()
