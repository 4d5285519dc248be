"""Who watches through the relay, and who may be sent another picture. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection
from dataclasses import dataclass, field

from display.relay.sockets import IN_FLIGHT

FORGET_NS = 5_000_000_000  # a viewer says something every second
MOST = 64
MOST_WISHES = 20  # of one viewer within a second: nobody's hand is faster


@dataclass
class Viewer:
    """One connection: whose key it showed ("" without CURVE), when it spoke last, the pictures on their way to it, and the
    times of its last wishes."""

    user: str
    heard_ns: int
    on_the_way: deque[int] = field(default_factory=deque)
    wished_ns: deque[int] = field(default_factory=lambda: deque(maxlen=MOST_WISHES))


class Viewers:
    """All who watch, by the identity of their connection."""

    def __init__(self) -> None:
        self._viewers: dict[bytes, Viewer] = {}

    def __len__(self) -> int:
        return len(self._viewers)

    def heard(self, identity: bytes, user: str, number: int, now_ns: int) -> str:
        """A viewer took picture `number`, 0 for none yet. Returns "" or why it is not admitted."""
        viewer = self._viewers.get(identity)
        if viewer is None:
            if len(self._viewers) >= MOST and not self._make_room(user):
                return f"more than {MOST} at once"
            viewer = self._viewers[identity] = Viewer(user, now_ns)
        viewer.heard_ns = now_ns
        while viewer.on_the_way and viewer.on_the_way[0] <= number:
            viewer.on_the_way.popleft()
        return ""

    def _make_room(self, user: str) -> bool:
        """Where all places are taken, take one from the key that has most of them, if that is fair to `user`.

        Else whoever may watch could connect again and again, and keep everybody else out.
        """
        taken = Counter(viewer.user for viewer in self._viewers.values())
        greedy, most = taken.most_common(1)[0]
        if taken[user] + 1 >= most:
            return False
        self.drop(next(who for who, viewer in reversed(self._viewers.items()) if viewer.user == greedy))
        return True

    def wishes(self, identity: bytes, user: str, now_ns: int) -> str:
        """A viewer wants something. Returns "" or why it is not heard."""
        if refused := self.heard(identity, user, 0, now_ns):
            return refused
        wished_ns = self._viewers[identity].wished_ns
        if len(wished_ns) == MOST_WISHES and now_ns - wished_ns[0] < 1_000_000_000:
            return f"more than {MOST_WISHES} wishes a second"
        wished_ns.append(now_ns)
        return ""

    def ready(self) -> list[bytes]:
        """Whoever has fewer than IN_FLIGHT pictures on the way."""
        return [identity for identity, viewer in self._viewers.items() if len(viewer.on_the_way) < IN_FLIGHT]

    def sent(self, identity: bytes, number: int) -> None:
        """Picture `number` is on its way to a viewer."""
        self._viewers[identity].on_the_way.append(number)

    def drop(self, identity: bytes) -> None:
        """Its connection is gone."""
        self._viewers.pop(identity, None)

    def forget(self, now_ns: int, users: Collection[str] | None) -> list[str]:
        """Drop who has not spoken for long, and, where there is a list of `users`, who is not on it. Returns reasons."""
        why = {}
        for identity, viewer in self._viewers.items():
            if users is not None and viewer.user not in users:
                why[identity] = "its key was withdrawn"
            elif now_ns - viewer.heard_ns > FORGET_NS:
                why[identity] = "says nothing any more"
        for identity in why:
            del self._viewers[identity]
        return list(why.values())
