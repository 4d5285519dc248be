"""The relay at work."""

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
from common.runtime.run_dir import writer_lock
from common.runtime.stage_context import StageContext
from common.runtime.suspend import SuspendDetector
from common.vision.arrays import BgrImage
from display.afar import may_see, why_refused
from display.commands import Wishes
from display.composite_reader import Composites
from display.relay.keyring import Allowed, KeyStore
from display.relay.picture import card, compress
from display.relay.settings import RelaySettings
from display.relay.sockets import USER, bind_relay, is_loopback, start_authenticator
from display.relay.viewers import Viewers

POLL_MS = 100
LOOK_EVERY_S = 0.5  # at the list of keys and for viewers that say nothing
STATUS_EVERY_S = 30.0
MOST_HEARD = 256  # messages a turn: a viewer that says more must not keep the others waiting
MOST_DESCRIPTORS = 4096  # and so of connections, 64 of them viewers'
VIEWER_FACTS: tuple[type[ViewerReady | CommandIssued], ...] = (ViewerReady, CommandIssued)

log = logging.getLogger("onlyme")


def serve(settings: RelaySettings, stage: StageContext) -> None:
    """Relay until told to stop; see display.relay.loop.run."""
    cv2.setNumThreads(1)
    bound_descriptors()
    counters = Counters(log)
    run_dir = settings.call_dir
    with writer_lock(run_dir, "relay"), open_context() as context:
        audience = Audience(context, settings, counters)
        stage.each_second.append(LoadReporter("relay", context, run_dir).send)
        composites = Composites(connect(context, COMPOSITES, run_dir), counters)
        wishes = Wishes(connect(context, CONTROL, run_dir), counters)
        poller, suspend = zmq.Poller(), SuspendDetector()
        for socket in (audience.socket, composites.socket):
            poller.register(socket, zmq.POLLIN)
        try:
            while not stage.should_stop():
                poller.poll(POLL_MS)
                wishes.put(*audience.heard())
                wishes.pass_on()
                message = composites.newest()
                suspend.was_suspended()
                if (
                    message is not None
                    and message.frame.captured_ns >= suspend.resumed_ns
                    and (waiting := audience.ready())
                ):
                    seen = may_see(message)
                    picture = composites.read(message) if seen else card(message.frame.height, message.frame.width)
                    if picture is not None:
                        audience.send(waiting, message, picture)
                audience.look()
        finally:
            audience.close()
    log.info("stopped%s", f"; {counters}" if str(counters) else "")


def bound_descriptors() -> None:
    """Have the kernel bound how many connections there can be: libzmq accepts all that come.

    As many as the hard limit allows, since a peer that connects and says nothing holds one for HANDSHAKE_MS. Where all
    are held, the others wait in the kernel, viewers go on watching, and nothing here needs to open a file.
    """
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class Audience:
    """The viewers, and the door that they come in by.

    Raises:
        ConfigError: The address cannot be bound, there is nobody who may watch, or without keys it would be open to others
            than those who use this machine, or to control.
        KeyFileError: The relay's own key cannot be used.
    """

    def __init__(self, context: Context, settings: RelaySettings, counters: Counters) -> None:
        self._counters, self._control = counters, settings.allow_control
        self._quality, self._widest = settings.relay_quality, settings.relay_width
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
                f"{settings.keys_folder}; make a key with python -m display.relay.keyring new NAME"
            )
        self._authenticator = start_authenticator(context, self._admits) if curve else None
        self.socket = bind_relay(context, settings.relay, self._keys.relay() if curve else None)
        self._viewers = Viewers()
        self._number = 0
        self._looked_at = self._said_at = 0.0
        log.info("serving %s, %s", settings.relay, "only to listed keys" if curve else "to this machine, unencrypted")

    def heard(self) -> list[CommandIssued]:
        """Take what viewers said; returns what those who may want to be done."""
        wanted: list[CommandIssued] = []
        for _ in range(MOST_HEARD):
            if (parts := self._parts()) is None:
                break
            identity, data = parts[0].bytes, parts[-1].bytes
            user = str(parts[-1].get(USER) or "") if self._allowed is not None else ""
            if self._allowed is not None and user.encode() not in self._allowed:
                self._counters.count("viewer", "not allowed any more")
                continue
            fact = parse(data, VIEWER_FACTS, self._counters) if len(parts) == 2 else None
            now_ns = time.monotonic_ns()
            if isinstance(fact, ViewerReady):
                if refused := self._viewers.heard(identity, user, fact.number, now_ns):
                    self._counters.count("viewer", refused)
            elif fact is None:
                self._counters.count("viewer's message", "malformed")
            elif refused := self._why_refused(fact, identity, user, now_ns):
                self._counters.count("wish", refused)
            else:  # made before it came: the viewer's idea of our clock may be wrong by what the two drift apart
                wanted.append(replace(fact, issued_ns=min(fact.issued_ns, now_ns)))
        return wanted

    def ready(self) -> list[bytes]:
        """Who can take a picture now."""
        return self._viewers.ready()

    def send(self, waiting: list[bytes], message: FrameComposed, picture: BgrImage) -> None:
        """Encode a composite, (H, W, 3) uint8 BGR, once and send it to all who wait."""
        self._number += 1
        data = zmq.Frame(encode(self._relayed(message, picture)))
        for identity in waiting:
            try:
                self.socket.send_multipart([identity, data], zmq.NOBLOCK, copy=False)
            except zmq.Again:
                self._counters.count("picture", "viewer is late")
            except zmq.ZMQError:  # EHOSTUNREACH
                self._viewers.drop(identity)
                self._counters.count("viewer", "gone")
            else:
                self._viewers.sent(identity, self._number)

    def look(self) -> None:
        """Now and then: who is still there and still allowed.

        Raises:
            RuntimeError: The authenticator has ended: nobody could come in any more, until the relay is restarted.
        """
        now = time.monotonic()
        if now - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = now
        if self._authenticator is not None and not self._authenticator.is_alive():
            raise RuntimeError("the authenticator has ended: nobody comes in any more")
        users = None
        if self._allowed is not None:
            self._allowed = self._keys.allowed()
            users = {key.decode() for key in self._allowed}
        metrics.set("viewers", len(self._viewers))
        for why in self._viewers.forget(time.monotonic_ns(), users):
            self._counters.count("viewer", why)
        if len(self._viewers) and now - self._said_at > STATUS_EVERY_S:
            self._said_at = now
            log.info("%d watching", len(self._viewers))

    def close(self) -> None:
        """Let nobody in any more."""
        if self._authenticator is not None:
            self._authenticator.stop()

    def _admits(self, key: bytes) -> bool:
        """Asked by the authenticator's thread; `look` puts another dict there and changes none."""
        return self._allowed is not None and key in self._allowed

    def _why_refused(self, wish: CommandIssued, identity: bytes, user: str, now_ns: int) -> str:
        """Return "" or why a viewer's wish is not passed on."""
        if not self._control or self._allowed is None or not self._allowed[user.encode()].control:
            return "it may not control"
        return why_refused(wish.command) or self._viewers.wishes(identity, user, now_ns)

    def _parts(self) -> list[zmq.Frame] | None:
        try:
            return self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return None

    def _relayed(self, message: FrameComposed, picture: BgrImage) -> PictureRelayed:
        jpeg, height, width = compress(picture, self._quality, self._widest)
        frame = replace(message.frame, segment="", sequence=0, height=height, width=width)
        composite = replace(message, frame=frame, question="", everybody=False)
        return PictureRelayed(self._number, time.monotonic_ns(), composite, jpeg)
