"""Which idle worker gets which frame: the newest, each frame once. Pure: knows no sockets."""

from __future__ import annotations

from collections import OrderedDict

FORGOTTEN_AFTER_S = 5.0
AT_WORK_S = 2.0  # a worker that has not asked again for so long does not keep the others waiting


def is_worth_giving(age_ns: int, period_ns: int) -> bool:
    """Whether a frame goes to an idle worker now, or the worker waits for the next one, which is nearly there.

    Half a period's wait makes the result a whole period fresher. Where the next frame is late nobody waits for it.

    Args:
        age_ns: Since the frame was captured.
        period_ns: Between the last two frames, 0 where there was one only.
    """
    return 2 * age_ns <= period_ns or 2 * age_ns > 3 * period_ns


class Dispatch:
    """Credit of one: a worker asks when it is idle, is given one frame, and asks again when it is done.

    More workers at once than there are cores take longer for each result and bring none sooner: they take turns.

    Args:
        cores: Of this machine.
    """

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._at_work: dict[bytes, float] = {}  # since when
        self._idle: OrderedDict[bytes, None] = OrderedDict()
        self._asked_at: dict[bytes, float] = {}
        self._given = (0, -1)  # epoch, frame_id

    def ask(self, worker: bytes, now: float) -> None:
        """A worker is idle. Asking twice is the same as asking once."""
        self._at_work.pop(worker, None)
        self._idle.setdefault(worker)
        self._asked_at[worker] = now

    def next_worker(self, epoch: int, frame_id: int, now: float) -> bytes | None:
        """The worker that waits longest, if this frame was given to nobody yet (a new epoch counts from 0 again), and if
        there is a core for it."""
        given_epoch, given_id = self._given
        if sum(now - since < AT_WORK_S for since in self._at_work.values()) >= self._cores:
            return None
        return next(iter(self._idle), None) if epoch != given_epoch or frame_id > given_id else None

    def gave(self, worker: bytes, epoch: int, frame_id: int, now: float) -> None:
        """This frame went to `worker`, which is at work from now on."""
        self._idle.pop(worker, None)
        self._at_work[worker] = now
        self._given = (epoch, frame_id)

    def lost(self, worker: bytes) -> None:
        """The worker is gone."""
        self._at_work.pop(worker, None)
        self._idle.pop(worker, None)
        self._asked_at.pop(worker, None)

    def workers(self, now: float) -> int:
        """How many workers asked lately, at least 1."""
        for worker, asked_at in list(self._asked_at.items()):
            if now - asked_at > FORGOTTEN_AFTER_S:
                self.lost(worker)
        return max(1, len(self._asked_at))
