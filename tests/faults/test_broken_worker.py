"""Whatever a worker answers: nothing is shown that it did not truly find, and the call goes on."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import fields, replace

import msgpack
import pytest

from common.ipc.codec import encode
from common.ipc.messages import CommandIssued, MasksInferred
from common.ipc.records import SetPrivacy
from tests.faults.conftest import judged_call
from tests.faults.scenes import PatternedScene
from tests.faults.watch import WatchedCall, nothing_leaked
from tests.faults.worker import Answer, ExactWorker, honest, silent

MAX_AGE_MS = 400  # less than by default: every test waits for it
MAX_AGE_S, FRAME_S = MAX_AGE_MS / 1000, 1 / 30
SLACK_S = 0.15  # a busy machine; the figures themselves are those of `python -m tests.faults`


def nan_in(where: str, result: MasksInferred) -> bytes:
    parts = msgpack.unpackb(encode(result))
    names = [field.name for field in fields(MasksInferred)]
    first = parts[names.index("instances") - len(names)][0]
    if where == "score":
        first[1] = math.nan
    elif where == "box":
        first[2][0] = math.nan
    else:
        first[2] = [-0.5, 0.0, 1.5, 1.0]
    return bytes(msgpack.packb(parts))


BROKEN: dict[str, Answer] = {
    "garbage": lambda f, r: [os.urandom(500)],
    "half a message": lambda f, r: [encode(r)[: len(encode(r)) // 2]],
    "a score that is no number": lambda f, r: [nan_in("score", r)],
    "a box that is no number": lambda f, r: [nan_in("box", r)],
    "a box outside the frame": lambda f, r: [nan_in("range", r)],
    "another epoch": lambda f, r: [encode(replace(r, epoch=r.epoch + 1))],
    "100 MB": lambda f, r: [b"\x93" + bytes(100_000_000)] if f.frame_id % 30 == 0 else [],
    "nothing": silent,
    "a frame of the future": lambda f, r: [encode(replace(r, captured_ns=r.captured_ns + 10**12))],
    "a frame that never was": lambda f, r: [encode(replace(r, frame_id=r.frame_id + 10**6))],
    "another moment's mask as this one's": lambda f, r: [encode(replace(r, captured_ns=r.captured_ns - 10**7))],
    "a message of another kind": lambda f, r: [encode(CommandIssued(f.epoch, f.captured_ns, SetPrivacy(False)))],
}


@pytest.fixture(scope="module")
def call_of_the_module(scene: PatternedScene) -> Iterator[tuple[WatchedCall, ExactWorker]]:
    """Run one call for all tests of the module."""
    with judged_call(scene, max_mask_age=MAX_AGE_MS) as running:
        yield running


@pytest.mark.parametrize("what", BROKEN)
def test_a_worker_that_returns(what: str, shared_call: tuple[WatchedCall, ExactWorker]) -> None:
    """One call has to bear all of them, one after the other."""
    call, worker = shared_call
    before = call.stages()
    worker.answer = BROKEN[what]
    at = time.monotonic()
    hidden = call.wait_hidden(at)
    assert hidden.at - at < MAX_AGE_S + 4 * FRAME_S + SLACK_S
    assert hidden.message.reason.startswith("mask older than ")
    call.wait("more of the same", lambda: call.watch.hidden(hidden.at + 0.3))
    if what == "100 MB":
        call.wait("the end of such a connection", lambda: call.saying("gone, or cut off for what it sent", at))
    worker.answer = honest
    call.wait_live(hidden.at + 0.3)
    assert call.stages() == before, "nothing was restarted"
    assert nothing_leaked(call.watch)
