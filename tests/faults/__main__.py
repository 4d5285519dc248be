"""`make faults`: random faults into the real call, every composite judged; the table, and a failure where one leaked."""

from __future__ import annotations

import argparse
import random
import sys
from collections import defaultdict

import numpy as np

from tests.bench.table import print_table
from tests.faults.injections import Outcome, run
from tests.faults.watch import MAY_BE_UNJUDGED
from tests.shared import MASK_RCNN


def spread(values: list[float | None]) -> str:
    """Median and greatest, of those that there are."""
    here = [v for v in values if v is not None]
    return f"{np.median(here):.0f} / {max(here):.0f}" if here else "-"


def rows_of(outcomes: list[Outcome]) -> list[dict[str, object]]:
    """A row for each kind of fault."""
    kinds: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        kinds[str(outcome.fault)].append(outcome)
    return [
        {
            "fault": kind, "times": len(of),
            "frames hidden": spread([o.frames_hidden for o in of]),
            "ms to hidden": spread([o.to_hidden_ms for o in of]),
            "ms late": spread([o.late_ms for o in of]),
            "ms to live": spread([o.to_live_ms for o in of]),
            "restarts": sum(o.restarts for o in of),
            "ended closed": sum(o.ended for o in of),
        }
        for kind, of in sorted(kinds.items())
    ]  # fmt: skip


def main() -> None:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--injections", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    settings: dict[str, object] = {"mask_rcnn": MASK_RCNN} if MASK_RCNN.is_dir() else {}
    result = run(settings, args.injections, args.seed)
    print_table(f"{args.injections} faults, seed {args.seed} (median / greatest)", rows_of(result.outcomes))
    states: dict[str, int] = defaultdict(int)
    for seen in result.seen:
        states[seen.message.state] += 1
    worst = max((s for s in result.seen if s.message.privacy), key=lambda s: s.leak)
    print(
        f"{len(result.seen)} composites judged {dict(states)}, {result.unjudged} not ({100 * result.unjudged_share:.2f} %); "
        f"{len(result.leaks)} over the bound, the worst keeps {worst.leak:.2f} of it: {worst.worst}"
    )
    if result.leaks:
        sys.exit("faults: leaked")
    if result.unjudged_share > MAY_BE_UNJUDGED:
        sys.exit(f"faults: more than {100 * MAY_BE_UNJUDGED:g} % of the composites were not judged")


if __name__ == "__main__":
    main()
