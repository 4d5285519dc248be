"""What compose hears of the call's load, and what it wants of the inference workers."""

from __future__ import annotations

import os
import time

from common.ipc.messages import InferenceScheduled, LoadReported, MasksInferred
from common.ipc.streams import LOADS, SCHEDULE, Context, bind, receive, send
from common.metrics.counters import Counters
from common.metrics.metrics import Meter, metrics
from compose.battery import on_battery
from compose.governor import BATTERY_PERCENT, Governor, Used
from compose.picture.matte_edge import MattePace
from compose.policy import State, Verdict
from compose.settings import ComposeSettings
from compose.who.tracker import Tracker

JUDGE_EVERY_S = 1.0
ASK_AGAIN_NS = 500_000_000  # what the matte mistakes for somebody must not keep the workers busy
FORGOTTEN_AFTER_S = 3.0  # a process that said nothing for so long has ended
WORKERS = "infer"  # how their names begin


class Workers:
    """The governor's ears and mouth.

    Args:
        settings: Of the call, with its budget.
        context: Of the sockets.
        counters: Of what cannot be understood.
        pace: Of the matte; the governor sets it.
    """

    def __init__(self, settings: ComposeSettings, context: Context, counters: Counters, pace: MattePace) -> None:
        self._settings, self._counters, self._pace = settings, counters, pace
        run_dir = settings.call_dir
        self._loads, self._looks = bind(context, LOADS, run_dir), bind(context, SCHEDULE, run_dir)
        self._governor, self._meter = Governor(), Meter()
        self._heard: dict[str, tuple[float, float]] = {}  # process → cores, and when it said so
        self._told: InferenceScheduled | None = None
        self._told_at = 0.0
        self._judged_at = time.monotonic()
        self._since_ns = 0
        self._composing_s = 0.0
        self._skipped = 0  # frames until the last second

    def looked(self, result: MasksInferred) -> None:
        """A worker has sent a result."""
        if result.cpu_ns:
            self._governor.looked(result.cpu_ns / 1e9, result.inference_ns / 1e9)

    def composed(self, seconds: float) -> None:
        """A frame took so long."""
        self._composing_s += seconds
        metrics.observe("compose_seconds", seconds)

    def tell(self, tracker: Tracker, skipped: int, verdict: Verdict) -> None:
        """Say what is wanted now, where that is news, and once a second.

        Args:
            tracker: As of the newest frame.
            skipped: Frames that compose has skipped so far.
            verdict: On that frame.
        """
        now = time.monotonic()
        if now - self._judged_at >= JUDGE_EVERY_S:
            self._judge(now, skipped)
        has_mask = verdict.mask_age_ms >= 0
        shows_things = bool(self._settings.keep) or verdict.state is State.INSTANCES
        is_answered = not has_mask or tracker.looked_ns >= self._since_ns
        if (tracker.wants_look or not has_mask) and is_answered and tracker.seen_ns - self._since_ns >= ASK_AGAIN_NS:
            self._since_ns = tracker.seen_ns
        orders = self._governor.orders
        wanted = InferenceScheduled(
            hz=orders.hz,
            insists=orders.insists,
            light=orders.light and not shows_things,
            things=shows_things,
            since_ns=self._since_ns,
            looked_ns=tracker.looked_ns,
            limit_ms=round(tracker.age_limit_ms()),
        )
        if wanted != self._told or now - self._told_at >= JUDGE_EVERY_S:
            self._told, self._told_at = wanted, now
            send(self._looks, wanted)
            metrics.set("embedded_only", wanted.light)

    def _judge(self, now: float, skipped: int) -> None:
        for said in receive(self._loads, LoadReported, self._counters):
            self._heard[said.process] = said.cores, now
        self._heard = {name: said for name, said in self._heard.items() if now - said[1] < FORGOTTEN_AFTER_S}
        cores = self._meter.cores() + sum(cores for cores, _ in self._heard.values())
        workers = min(os.cpu_count() or 1, sum(name.startswith(WORKERS) for name in self._heard))  # who take turns
        used = Used(now - self._judged_at, cores, workers, skipped - self._skipped, self._composing_s)
        self._governor.judge(used, self._percent())
        self._judged_at, self._skipped, self._composing_s = now, skipped, 0.0
        orders = self._governor.orders
        self._pace.every = orders.matte_every
        metrics.set("inference_rate_limit", orders.hz)
        metrics.set("matte_interval_frames", orders.matte_every)
        metrics.set("normal_priority", orders.insists)
        metrics.set("budget_headroom", -1.0 if orders.spare is None else orders.spare)

    def _percent(self) -> float:
        percent = self._settings.cpu
        if self._settings.battery and on_battery():
            percent = min(percent or BATTERY_PERCENT, BATTERY_PERCENT)
        return percent
