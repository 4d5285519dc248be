"""Collect the CPU load of the call, and tell the inference workers what compose wants of them."""

from __future__ import annotations

import time

from common.ipc.messages import InferenceScheduled, LoadReported, MasksInferred
from common.ipc.streams import LOADS, SCHEDULE, Context, bind, receive, send
from common.metrics.counters import Counters
from common.metrics.metrics import Meter, metrics
from common.runtime.cores import available_cores
from compose.battery import on_battery
from compose.governor import BATTERY_PERCENT, Governor, Usage
from compose.picture.matte_edge import MattePace
from compose.policy import Decision, State
from compose.settings import ComposeSettings
from compose.who.tracker import Tracker

UPDATE_EVERY_S = 1.0
ASK_AGAIN_NS = 500_000_000  # something that the matte mistakes for a person must not keep the workers busy
FORGOTTEN_AFTER_S = 3.0  # a process that sends no load for so long has ended
WORKERS = "infer"  # the names of workers begin with this


class Workers:
    """Connects the governor with the workers.

    Args:
        settings: With the budget of the call.
        context: For the sockets.
        counters: Count messages that cannot be decoded.
        pace: How often the matte runs; the governor sets it.
    """

    def __init__(self, settings: ComposeSettings, context: Context, counters: Counters, pace: MattePace) -> None:
        self._settings, self._counters, self._pace = settings, counters, pace
        run_dir = settings.call_dir
        self._loads, self._schedules = bind(context, LOADS, run_dir), bind(context, SCHEDULE, run_dir)
        self._governor, self._meter = Governor(), Meter()
        self._loads_of: dict[str, tuple[float, float]] = {}  # process → cores, and the time of the message
        self._sent: InferenceScheduled | None = None
        self._sent_at = 0.0
        self._updated_at = time.monotonic()
        self._since_ns = 0
        self._composing_s = 0.0
        self._skipped = 0  # frames until the last second

    def record_inference(self, result: MasksInferred) -> None:
        """Record the cost of a worker's result."""
        if result.cpu_ns:
            self._governor.record_inference(result.cpu_ns / 1e9, result.inference_ns / 1e9)

    def record_composed(self, seconds: float) -> None:
        """Record the seconds that one frame took."""
        self._composing_s += seconds
        metrics.observe("compose_seconds", seconds)

    def send_schedule(self, tracker: Tracker, skipped: int, decision: Decision) -> None:
        """Send the schedule if it has changed, and once a second.

        Args:
            tracker: Updated with the newest frame.
            skipped: Frames that compose has skipped so far.
            decision: The decision on that frame.
        """
        now = time.monotonic()
        if now - self._updated_at >= UPDATE_EVERY_S:
            self._update(now, skipped)
        has_mask = decision.mask_age_ms >= 0
        shows_things = bool(self._settings.keep) or decision.state is State.INSTANCES
        is_answered = not has_mask or tracker.looked_ns >= self._since_ns
        wants = tracker.wants_inference or not has_mask
        if wants and is_answered and tracker.seen_ns - self._since_ns >= ASK_AGAIN_NS:
            self._since_ns = tracker.seen_ns
        orders = self._governor.orders
        schedule = InferenceScheduled(
            hz=orders.hz,
            insists=orders.insists,
            light=orders.light and not shows_things,
            things=shows_things,
            since_ns=self._since_ns,
            looked_ns=tracker.looked_ns,
            limit_ms=round(tracker.age_limit_ms()),
        )
        if schedule != self._sent or now - self._sent_at >= UPDATE_EVERY_S:
            self._sent, self._sent_at = schedule, now
            send(self._schedules, schedule)
            metrics.set("embedded_only", schedule.light)

    def _update(self, now: float, skipped: int) -> None:
        for load in receive(self._loads, LoadReported, self._counters):
            self._loads_of[load.process] = load.cores, now
        self._loads_of = {name: load for name, load in self._loads_of.items() if now - load[1] < FORGOTTEN_AFTER_S}
        cores = self._meter.cores() + sum(cores for cores, _ in self._loads_of.values())
        workers = sum(name.startswith(WORKERS) for name in self._loads_of)
        workers = min(available_cores(), workers)  # more than cores take turns
        used = Usage(now - self._updated_at, cores, workers, skipped - self._skipped, self._composing_s)
        self._governor.update(used, self._percent())
        self._updated_at, self._skipped, self._composing_s = now, skipped, 0.0
        orders = self._governor.orders
        self._pace.every = orders.matte_every
        metrics.set("inference_rate_limit", orders.hz)
        metrics.set("matte_interval_frames", orders.matte_every)
        metrics.set("normal_priority", orders.insists)
        metrics.set("budget_headroom", -1.0 if orders.headroom is None else orders.headroom)

    def _percent(self) -> float:
        percent = self._settings.cpu
        if self._settings.battery and on_battery():
            percent = min(percent or BATTERY_PERCENT, BATTERY_PERCENT)
        return percent
