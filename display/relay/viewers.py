"""Keeps the viewers of the relay, and which of them can take another picture. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection
from dataclasses import dataclass, field

from display.relay.sockets import IN_FLIGHT

MAX_SILENCE_NS = 5_000_000_000  # a viewer sends something every second
MAX_VIEWERS = 64
MAX_COMMANDS_PER_S = 20  # of one viewer; no hand is faster


@dataclass
class Viewer:
    """One connection.

    Attributes:
        user: Public key that it showed, "" without CURVE.
        last_message_ns: When its last message came.
        in_flight: Numbers of pictures sent that it has not confirmed.
        command_ns: Times of its last commands.
    """

    user: str
    last_message_ns: int
    in_flight: deque[int] = field(default_factory=deque)
    command_ns: deque[int] = field(default_factory=lambda: deque(maxlen=MAX_COMMANDS_PER_S))


class Viewers:
    """All viewers, by the identity of their connection."""

    def __init__(self) -> None:
        self._viewers: dict[bytes, Viewer] = {}

    def __len__(self) -> int:
        return len(self._viewers)

    def on_ready(self, identity: bytes, user: str, number: int, now_ns: int) -> str:
        """Record that a viewer took picture `number`, 0 for none yet. Return "" or why the viewer is not admitted."""
        viewer = self._viewers.get(identity)
        if viewer is None:
            if len(self._viewers) >= MAX_VIEWERS and not self._make_room(user):
                return f"more than {MAX_VIEWERS} at once"
            viewer = self._viewers[identity] = Viewer(user, now_ns)
        viewer.last_message_ns = now_ns
        while viewer.in_flight and viewer.in_flight[0] <= number:
            viewer.in_flight.popleft()
        return ""

    def _make_room(self, user: str) -> bool:
        """Remove a viewer of the key that has most viewers, unless `user` would then have as many. Return whether it was done.

        Otherwise one key could connect again and again and keep everybody else out.
        """
        taken = Counter(viewer.user for viewer in self._viewers.values())
        greedy, most = taken.most_common(1)[0]
        if taken[user] + 1 >= most:
            return False
        self.remove(next(who for who, viewer in reversed(self._viewers.items()) if viewer.user == greedy))
        return True

    def on_command(self, identity: bytes, user: str, now_ns: int) -> str:
        """Record a command of a viewer. Return "" or why it is refused."""
        if refused := self.on_ready(identity, user, 0, now_ns):
            return refused
        command_ns = self._viewers[identity].command_ns
        if len(command_ns) == MAX_COMMANDS_PER_S and now_ns - command_ns[0] < 1_000_000_000:
            return f"more than {MAX_COMMANDS_PER_S} commands a second"
        command_ns.append(now_ns)
        return ""

    def ready(self) -> list[bytes]:
        """Return the viewers that have confirmed all but at most IN_FLIGHT - 1 of their pictures."""
        return [identity for identity, viewer in self._viewers.items() if len(viewer.in_flight) < IN_FLIGHT]

    def on_sent(self, identity: bytes, number: int) -> None:
        """Record that picture `number` was sent to a viewer."""
        self._viewers[identity].in_flight.append(number)

    def remove(self, identity: bytes) -> None:
        """Forget a viewer whose connection is gone."""
        self._viewers.pop(identity, None)

    def remove_inactive(self, now_ns: int, users: Collection[str] | None) -> list[str]:
        """Remove viewers that are silent, and, if `users` is a list, those that are not on it. Return the reasons."""
        why = {}
        for identity, viewer in self._viewers.items():
            if users is not None and viewer.user not in users:
                why[identity] = "its key was withdrawn"
            elif now_ns - viewer.last_message_ns > MAX_SILENCE_NS:
                why[identity] = "stopped answering"
        for identity in why:
            del self._viewers[identity]
        return list(why.values())
