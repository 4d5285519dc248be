"""Publishes the frames of a recording, no further ahead than compose wants them, and gives looks to workers."""

from __future__ import annotations

import shutil
from pathlib import Path

from capture.every.looks import LookQueue
from capture.every.recording import RecordedFrame
from capture.request_socket import RequestSocket
from capture.sources.source import check_size
from common.ipc.credit import CreditedSender, deep
from common.ipc.messages import FrameCaptured, RecordingEnded, WorkAssigned
from common.ipc.records import FrameInfo
from common.ipc.ring import ResizableRing
from common.ipc.ring_size import ring_bytes, slot_bytes
from common.ipc.shm import SHM_FOLDER
from common.ipc.streams import COMPOSITES, FRAMES, FRAMES_WANTED, Context, bind
from common.metrics.counters import Counters
from common.metrics.metrics import metrics

LOOKS_UNDER_WAY = 8  # so many workers can be busy at once
LARGEST_RING = 512 * 2**20  # bytes
LEAST_SLOTS = 4  # two frames under way, one that is filled, and the one that a reader of it would lose


def slots_for(shape: tuple[int, int, int], look_every: int, free_bytes: int) -> int:
    """Return the slots of the ring: enough for LOOKS_UNDER_WAY looks, where there is so much memory. With LEAST_SLOTS it is slow.

    Args:
        shape: (H, W, 3) of the frames.
        look_every: `--look-every`.
        free_bytes: Of shared memory; the ring of composites needs its part.
    """
    room = min(LARGEST_RING, free_bytes - ring_bytes(shape, COMPOSITES.slots)) // slot_bytes(shape) - 1
    return max(LEAST_SLOTS, min(LOOKS_UNDER_WAY * look_every + 2, room))


class RecordingPublisher(ResizableRing):
    """Write frames to the ring, and publish where they are while there is credit.

    Args:
        context: ZeroMQ context of the process.
        run_dir: Run folder of the call.
        shape: (H, W, 3) of all frames.
        look_every: `--look-every`.
        counters: Count malformed messages.

    Raises:
        SourceError: The pictures are larger than a message can describe.
    """

    def __init__(
        self, context: Context, run_dir: Path, shape: tuple[int, int, int], look_every: int, counters: Counters
    ) -> None:
        height, width, _ = shape
        check_size(height, width)
        slots = slots_for(shape, look_every, shutil.disk_usage(SHM_FOLDER).free)
        super().__init__(FRAMES.name, slots)
        self.ring_for(height, width)
        self._out = CreditedSender(
            bind(context, deep(FRAMES), run_dir), bind(context, FRAMES_WANTED, run_dir), slots, counters
        )
        self.socket = self._out.wanted_socket
        self.has_ended = False

    @property
    def has_room(self) -> bool:
        """Whether compose wants another frame."""
        return not self.has_ended and self._out.has_room

    def serve(self) -> int:
        """Send again what compose lacks. Return the number of the first frame that compose is not done with."""
        return self._out.serve()

    def publish(self, frame: RecordedFrame, *, is_look: bool) -> FrameInfo:
        """Write one frame to the ring and publish it. Returns its description.

        Raises:
            RuntimeError: There is no credit for it.
            RingSpaceError: Shared memory has too little room.
        """
        height, width = frame.picture.shape[:2]
        ring = self.ring_for(height, width)
        ring.claim()[:] = frame.picture
        sequence = ring.publish()
        info = FrameInfo(ring.epoch, frame.number, frame.captured_ns, frame.number, ring.name, sequence, height, width)
        self._out.send(FrameCaptured(info, is_look, frame.is_cut))
        metrics.count("frames_captured")
        return info

    def end(self, count: int) -> None:
        """Publish that there are `count` frames and no more."""
        self._out.send(RecordingEnded(count))
        self.has_ended = True


class LookSocket:
    """Give looks to idle inference workers, on request."""

    def __init__(self, context: Context, run_dir: Path, counters: Counters) -> None:
        self._requests = RequestSocket(context, run_dir, counters)
        self.socket = self._requests.socket
        self.looks = LookQueue()

    def serve(self, now_s: float) -> None:
        """Receive the requests of workers, and give a look to each that is idle."""
        for worker in self._requests.receive():
            self.looks.request(worker)
        while (chosen := self.looks.next(now_s)) is not None:
            worker, frame = chosen
            if self._requests.send(worker, WorkAssigned(frame, 1)):
                self.looks.give(worker, frame.frame_id, now_s)
            else:
                self.looks.remove(worker)
