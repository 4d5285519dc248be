"""Whether the other stages and programs run before a worker.

The picture goes before the masks, so a worker is courteous. But where other programs want every core (the meeting itself,
in a browser) a courteous worker gets a tenth of one, its masks die of age, and nobody is seen any more: then it insists.

Measured at 720p30 with Mask R-CNN on two cores, alone / beside two programs at full load: niceness 10 shows pictures 11 / 8 ms
after capture (p99 15 / 30) and the subject in 100 / 0 % of them; niceness 0 after 14 / 23 ms (p99 24 / 50), in 100 / 100 %.
"""

from __future__ import annotations

from pathlib import Path

COURTEOUS, INSISTENT = 10, 0  # niceness of the session
OWN = 3  # of the process, which nobody can take back and which counts only where sessions are not weighed: 11 / 24 ms, 94 %
# CPU seconds a second that one look got, of what is there for it at most: below, it insists; above, it is courteous again.
# Insistent beside two such programs a worker gets 0.6, alone more than 1
STARVED, FED = 0.5, 0.75
JUDGED_S = 0.3  # of looking, at least: a short look may just have met another process


class Courtesy:
    """Of one worker.

    Args:
        cores: Of this machine.
    """

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._cpu_s = self._took_s = 0.0
        self.niceness = INSISTENT  # nothing is shown before the first result

    def looked(self, cpu_s: float, took_s: float, workers: int) -> int:
        """A look took so many CPU seconds in so many seconds, beside other workers; returns the niceness from now on."""
        self._cpu_s, self._took_s = self._cpu_s + cpu_s, self._took_s + took_s
        if self._took_s < JUDGED_S:
            return self.niceness
        share = self._cpu_s / self._took_s / min(1.0, self._cores / max(1, workers))
        self._cpu_s = self._took_s = 0.0
        if share < STARVED:
            self.niceness = INSISTENT
        elif share > FED:
            self.niceness = COURTEOUS
        return self.niceness


def give_way(niceness: int) -> bool:
    """Let every other stage and program run first, from 0 (no more than any) to 19.

    honcho gives each process a session of its own, and Linux (sched_autogroup) then weighs sessions against each
    other, not processes. Unlike a process's own niceness a session's may be taken back. False where it was not
    done: there are no autogroups, or somebody else's weight was changed within the last tenth of a second.
    """
    try:
        Path("/proc/self/autogroup").write_text(str(niceness))
    except OSError:
        return False
    return True
