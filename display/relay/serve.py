"""Sends composites to viewers and passes their commands to compose."""

from __future__ import annotations

import logging
import resource
import time
from dataclasses import replace

import cv2
import zmq

from common.errors import ConfigError
from common.ipc.codec import encode
from common.ipc.messages import CommandIssued, FrameComposed, PictureRelayed, ViewerReady
from common.ipc.streams import COMPOSITES, CONTROL, Context, connect, open_context, parse
from common.metrics.counters import Counters
from common.metrics.load import LoadReporter
from common.metrics.metrics import metrics
from common.runtime.install import KEYS_COMMAND
from common.runtime.run_dir import writer_lock
from common.runtime.stage_context import StageContext
from common.runtime.suspend import SuspendDetector
from common.vision.arrays import BgrImage
from display.address import is_loopback
from display.commands import CommandQueue
from display.composite_reader import CompositeReader
from display.reachable import address_from_elsewhere
from display.relay.keyring import Allowed, KeyStore
from display.relay.picture import card, compress
from display.relay.settings import RelaySettings
from display.relay.sockets import USER, bind_relay, start_authenticator
from display.relay.viewers import Viewers
from display.remote_policy import may_leave_machine, remote_refusal
from display.viewer_report import ViewerReport

POLL_MS = 100
CHECK_EVERY_S = 0.5  # whether a key was withdrawn, and whether a viewer is silent
STATUS_EVERY_S = 30.0
MAX_MESSAGES_PER_TURN = 256  # a viewer that sends more must not keep the others waiting
MAX_DESCRIPTORS = 4096  # bounds the connections too, of which 64 may be viewers
VIEWER_FACTS: tuple[type[ViewerReady | CommandIssued], ...] = (ViewerReady, CommandIssued)

log = logging.getLogger("onlyme")


def serve(settings: RelaySettings, stage: StageContext) -> None:
    """Relay until the stage must stop; see display.relay.loop.run."""
    cv2.setNumThreads(1)
    limit_descriptors()
    counters = Counters(log)
    run_dir = settings.call_dir
    with writer_lock(run_dir, "relay"), open_context() as context:
        server = RelayServer(context, settings, counters)
        stage.each_second.append(LoadReporter("relay", context, run_dir).send)
        composites = CompositeReader(connect(context, COMPOSITES, run_dir), counters)
        commands = CommandQueue(connect(context, CONTROL, run_dir), counters)
        viewers = ViewerReport(context, run_dir)
        poller, suspend = zmq.Poller(), SuspendDetector()
        for socket in (server.socket, composites.socket):
            poller.register(socket, zmq.POLLIN)
        try:
            while not stage.should_stop():
                poller.poll(POLL_MS)
                commands.add_issued(*server.receive_commands())
                commands.flush()
                message = composites.latest()
                suspend.was_suspended()
                if message is not None and message.frame.captured_ns >= suspend.resumed_ns:
                    send_to_viewers(server, composites, message)
                server.check_viewers()
                viewers.update(server.has_viewers, time.monotonic_ns())
        finally:
            server.close()
    log.info("stopped%s", f"; {counters}" if str(counters) else "")


def send_to_viewers(server: RelayServer, composites: CompositeReader, message: FrameComposed) -> None:
    """Send a composite, or a card if it may not leave this machine, to the viewers that can take a picture now."""
    if not (waiting := server.ready()):
        return
    may_leave = may_leave_machine(message)
    picture = composites.read(message) if may_leave else card(message.frame.height, message.frame.width)
    if picture is not None:
        server.send(waiting, message, picture)


def limit_descriptors() -> None:
    """Limit the descriptors of this process, and so its connections: libzmq accepts every connection.

    The limit is as high as possible, because a peer that connects and sends nothing holds a descriptor for HANDSHAKE_MS.
    When all are in use, further peers wait in the kernel, viewers go on watching, and the relay needs no new descriptor.
    """
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class RelayServer:
    """The relay's socket, the check of viewers' keys, and the viewers.

    Raises:
        ConfigError: The address cannot be bound, the list of keys is empty, or `--curve no` is used with an address other
            than loopback or with --allow-control.
        KeyFileError: The relay's own key cannot be used.
    """

    def __init__(self, context: Context, settings: RelaySettings, counters: Counters) -> None:
        self._counters, self._control = counters, settings.allow_control
        self._quality, self._max_width = settings.relay_quality, settings.relay_width
        self._keys = KeyStore(settings.keys_folder)
        curve = settings.curve
        if not curve and not is_loopback(settings.relay):
            raise ConfigError(
                f"--curve no: expected a relay on loopback, got {settings.relay}; elsewhere it is always encrypted: leave it out"
            )
        if not curve and settings.allow_control:
            raise ConfigError(
                "--allow-control: expected keys, which say who may, got --curve no, with which nobody has one; leave one out"
            )
        self._allowed: dict[bytes, Allowed] | None = self._keys.allowed() if curve else None
        if curve and not self._allowed:
            raise ConfigError(
                f"--relay: expected somebody who may watch on {settings.relay}, got an empty list in "
                f"{settings.keys_folder}; make a key with {KEYS_COMMAND} new NAME"
            )
        pair = self._keys.relay() if curve else None
        self._authenticator = start_authenticator(context, self._admits) if curve else None
        try:
            self.socket = bind_relay(context, settings.relay, pair)
        except ConfigError:
            self.close()
            raise
        self._viewers = Viewers()
        self._number = 0
        self._checked_at = self._said_at = 0.0
        log.info(
            "serving %s, %s",
            address_from_elsewhere(settings.relay),
            "to viewers with a listed key only" if curve else "to this machine only, unencrypted",
        )

    def receive_commands(self) -> list[CommandIssued]:
        """Read the waiting messages of viewers. Return the commands of those who may give them."""
        commands: list[CommandIssued] = []
        for _ in range(MAX_MESSAGES_PER_TURN):
            if (parts := self._parts()) is None:
                break
            identity, data = parts[0].bytes, parts[-1].bytes
            user = str(parts[-1].get(USER) or "") if self._allowed is not None else ""
            if self._allowed is not None and user.encode() not in self._allowed:
                self._counters.count("viewer", "its key was withdrawn")
                continue
            fact = parse(data, VIEWER_FACTS, self._counters) if len(parts) == 2 else None
            now_ns = time.monotonic_ns()
            if isinstance(fact, ViewerReady):
                if refused := self._viewers.on_ready(identity, user, fact.number, now_ns):
                    self._counters.count("viewer", refused)
            elif fact is None:
                self._counters.count("viewer's message", "malformed")
            elif refused := self._refusal_of(fact, identity, user, now_ns):
                self._counters.count("command", refused)
            else:  # never later than its arrival: the viewer's estimate of this clock drifts
                commands.append(replace(fact, issued_ns=min(fact.issued_ns, now_ns)))
        return commands

    @property
    def has_viewers(self) -> bool:
        """Whether anybody watches."""
        return len(self._viewers) > 0

    def ready(self) -> list[bytes]:
        """Return the identities of the viewers that can take a picture now."""
        return self._viewers.ready()

    def send(self, waiting: list[bytes], message: FrameComposed, picture: BgrImage) -> None:
        """Encode a composite, (H, W, 3) uint8 BGR, once and send it to the viewers `waiting`."""
        self._number += 1
        data = zmq.Frame(encode(self._relayed(message, picture)))
        for identity in waiting:
            try:
                self.socket.send_multipart([identity, data], zmq.NOBLOCK, copy=False)
            except zmq.Again:
                self._counters.count("picture", "viewer is late")
            except zmq.ZMQError:  # EHOSTUNREACH
                self._viewers.remove(identity)
                self._counters.count("viewer", "gone")
            else:
                self._viewers.on_sent(identity, self._number)

    def check_viewers(self) -> None:
        """Every CHECK_EVERY_S, remove viewers that are silent or whose key was withdrawn.

        Raises:
            RuntimeError: The authenticator has ended: no viewer could connect until the relay is restarted.
        """
        now = time.monotonic()
        if now - self._checked_at < CHECK_EVERY_S:
            return
        self._checked_at = now
        if self._authenticator is not None and not self._authenticator.is_alive():
            raise RuntimeError("the authenticator has ended: no viewer can connect any more")
        users = None
        if self._allowed is not None:
            self._allowed = self._keys.allowed()
            users = {key.decode() for key in self._allowed}
        metrics.set("viewers", len(self._viewers))
        for why in self._viewers.remove_inactive(time.monotonic_ns(), users):
            self._counters.count("viewer", why)
        if len(self._viewers) and now - self._said_at > STATUS_EVERY_S:
            self._said_at = now
            log.info("%d viewers are watching", len(self._viewers))

    def close(self) -> None:
        """Stop the authenticator: no viewer can connect any more."""
        if self._authenticator is not None:
            self._authenticator.stop()

    def _admits(self, key: bytes) -> bool:
        """Return whether a key is listed. The authenticator's thread calls this; `check_viewers` replaces the dict as a whole."""
        return self._allowed is not None and key in self._allowed

    def _refusal_of(self, issued: CommandIssued, identity: bytes, user: str, now_ns: int) -> str:
        """Return "" if compose may get a viewer's command, else why not."""
        if not self._control or self._allowed is None or not self._allowed[user.encode()].control:
            return "no permission to control the call"
        return remote_refusal(issued.command) or self._viewers.on_command(identity, user, now_ns)

    def _parts(self) -> list[zmq.Frame] | None:
        try:
            return self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return None

    def _relayed(self, message: FrameComposed, picture: BgrImage) -> PictureRelayed:
        jpeg, height, width = compress(picture, self._quality, self._max_width)
        frame = replace(message.frame, segment="", sequence=0, height=height, width=width)
        composite = replace(message, frame=frame, question="", everybody=False)
        return PictureRelayed(self._number, time.monotonic_ns(), composite, jpeg)
