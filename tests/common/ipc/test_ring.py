from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np
import pytest

from common.errors import ProcessorError, RingGoneError, RingSpaceError
from common.ipc import ring
from common.ipc import shm as segments_module
from common.ipc.ring import ResizableRing, RingCache, RingReader, RingWriter, new_epoch
from common.ipc.shm import name_prefix, remove_stale
from common.vision.arrays import BgrImage
from common.vision.pyramid import ImagePyramid
from tests.call import environment
from tests.conftest import in_small_memory, no_descriptor_left, on_a_disk
from tests.processes.neighbours import wait_for
from tests.segments import segment_names
from tests.shared import ROOT

SHAPE = (6, 8, 3)
STRESS_PATIENCE_S = 120.0  # against a hang: the stress takes a second or two on a machine with nothing else to do


@pytest.fixture
def own_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the test a folder in shared memory of its own: a call that starts meanwhile sweeps the usual one too."""
    with tempfile.TemporaryDirectory(prefix="tests-", dir=segments_module.SHM_FOLDER) as folder:
        monkeypatch.setattr(segments_module, "SHM_FOLDER", folder)
        yield Path(folder)


def publish(writer: RingWriter, value: int) -> int:
    writer.claim()[:] = value
    return writer.publish()


def test_a_frame_comes_back_as_it_was(segments: None) -> None:
    with RingWriter("test", SHAPE, 4, new_epoch()) as writer, RingReader(writer.name) as reader:
        assert (reader.cursor, reader.shape, reader.epoch) == (-1, SHAPE, writer.epoch)
        picture = np.arange(np.prod(SHAPE), dtype=np.uint8).reshape(SHAPE)
        writer.claim()[:] = picture
        assert writer.publish() == 0
        into = np.zeros(SHAPE, np.uint8)
        assert reader.read(0, into)
        assert (into == picture).all()


@pytest.mark.parametrize(("published", "wanted", "whole"), [
    (0, 0, False), (1, 0, True), (3, 1, True), (3, 3, False), (4, 0, False), (4, 1, True), (4, 2, True), (9, -1, False),
])  # fmt: skip
def test_should_refuse_what_the_writer_may_be_overwriting(
    published: int, wanted: int, whole: bool, segments: None
) -> None:
    with RingWriter("test", SHAPE, 4, new_epoch()) as writer, RingReader(writer.name) as reader:
        for value in range(published):
            publish(writer, value)
        into = np.empty(SHAPE, np.uint8)
        # capacity 4: with cursor 3, sequence 0 shares its slot with sequence 4, which may be being written
        assert reader.read(wanted, into) is whole
        if whole:
            assert (into == wanted).all()


@pytest.mark.parametrize(("least_wh", "got_wh"), [((8, 6), (8, 6)), ((4, 3), (4, 3)), ((3, 1), (4, 3))])
def test_a_frame_is_reduced_where_it_lies_and_belongs_to_its_reader(
    least_wh: tuple[int, int], got_wh: tuple[int, int], segments: None
) -> None:
    with RingWriter("test", SHAPE, 4, new_epoch()) as writer, RingReader(writer.name) as reader:
        publish(writer, 7)
        reduced = reader.read_reduced(0, least_wh)
        assert reduced is not None
        for value in range(1, 9):
            publish(writer, value)
        assert reduced.shape[1::-1] == got_wh
        assert (reduced == 7).all(), "also after the slot was written over"
        assert reader.read_reduced(0, least_wh) is None, "lapped"
        assert reader.read_reduced(9, least_wh) is None, "not there yet"


def test_a_reduction_that_the_writer_overtakes_is_thrown_away(segments: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with RingWriter("test", SHAPE, 4, new_epoch()) as writer, RingReader(writer.name) as reader:
        publish(writer, 7)

        class SlowHalves(ImagePyramid):
            def smallest_at_least(self, width: float, height: float) -> BgrImage:
                for value in range(1, 4):
                    publish(writer, value)
                return super().smallest_at_least(width, height)

        monkeypatch.setattr(ring, "ImagePyramid", SlowHalves)
        assert reader.read_reduced(0, (4, 3)) is None


def test_an_array_of_a_closed_ring_raises_instead_of_crashing() -> None:
    writer = RingWriter("test", SHAPE, 4, new_epoch())
    reader = RingReader(writer.name)
    writer.close()
    reader.close()
    assert not reader.read(0, np.empty(SHAPE, np.uint8))
    with pytest.raises(IndexError):
        writer.claim()


def test_a_closed_ring_gives_its_pixels_back_though_a_reader_has_it_mapped(segments: None) -> None:
    with RingReader((writer := RingWriter("test", SHAPE, 4, new_epoch())).name) as reader:
        publish(writer, 7)
        into = np.empty(SHAPE, np.uint8)
        assert reader.read(0, into) and reader.read_reduced(0, (8, 6)) is not None, "the negative control"
        writer.close()
        assert not reader.read(0, into)
        assert reader.read_reduced(0, (8, 6)) is None
        assert not reader._slots[0].any()


HELD = """
from common.ipc.ring import RingReader, RingWriter, new_epoch
from common.ipc.shm import remove_stale
import os, sys
shape = (600, 1000, 3)
if os.fork() == 0:
    writer = RingWriter("first", shape, 4, new_epoch())
    sys.stdout.write(writer.name)
    sys.stdout.flush()
    os.kill(os.getpid(), 9)
os.wait()
from pathlib import Path
reader = RingReader(next(Path("/dev/shm").iterdir()).name)
remove_stale()
for _ in range(2):
    writer = RingWriter("next", shape, 4, new_epoch())
    held = RingReader(writer.name)
    writer.close()
"""


@pytest.mark.root
def test_small_memory_has_room_for_the_next_ring_while_readers_hold_the_last() -> None:
    """One ring takes 7 MB. The first writer is killed, the second closes its ring."""
    done = in_small_memory(10, ["-c", HELD], dict(os.environ))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.root
@pytest.mark.parametrize("options", ["ro", "mode=0700,uid=1"])
def test_shared_memory_that_cannot_be_written_is_one_line(options: str) -> None:
    """Root may write where others may not, so the second one drops its rights first."""
    code = "import os; from common.ipc.ring import RingWriter\n" + ("os.setuid(12345)\n" if "uid" in options else "")
    code += "from common.errors import RingSpaceError\ntry: RingWriter('x', (6, 8, 3), 4, 1)\n"
    code += "except RingSpaceError as error: print(error)"
    done = on_a_disk(options, Path("/dev/shm"), ["-c", code], dict(os.environ))
    assert "expected a folder /dev/shm that can be written, for the x ring, got: " in done.stdout, done.stderr


def test_without_the_folder_of_shared_memory_nothing_is_left_to_sweep(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(segments_module, "SHM_FOLDER", str(tmp_path / "none"))
    assert remove_stale() == []


def test_a_reader_that_exits_leaves_the_ring_to_the_others(segments: None) -> None:
    with RingWriter("test", SHAPE, 4, new_epoch()) as writer:
        code = f"from common.ipc.ring import RingReader; r = RingReader({writer.name!r}); print(r.cursor)"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert (done.stdout.strip(), done.stderr) == ("-1", "")
        assert writer.name in segment_names()


def test_the_ring_is_private() -> None:
    with RingWriter("test", SHAPE, 4, new_epoch()) as writer:
        assert stat.S_IMODE((Path("/dev/shm") / writer.name).stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["no-prefix", "onlyme-0-../etc", f"onlyme-{os.getuid()}-gone-0"])
def test_a_segment_that_is_not_there_is_gone(name: str) -> None:
    with pytest.raises(RingGoneError):
        RingReader(name)


def test_a_segment_without_a_ring_in_it_is_refused() -> None:
    path = Path("/dev/shm") / f"{name_prefix()}junk-{os.getpid()}"
    path.write_bytes(b"x" * 8192)
    try:
        with pytest.raises(RingGoneError, match="no ring of ours"):
            RingReader(path.name)
    finally:
        path.unlink()


def test_a_segment_that_cannot_be_attached_now_is_no_end_of_its_reader(segments: None) -> None:
    """A flood of connections may have taken a display's last descriptor."""
    with RingWriter("test", SHAPE, 4, new_epoch()) as writer:
        with no_descriptor_left(), pytest.raises(RingGoneError, match="Too many open files"):
            RingReader(writer.name)
        RingReader(writer.name).close()


def test_too_little_shared_memory_is_said_before_it_kills(segments: None) -> None:
    with pytest.raises(RingSpaceError, match=r"expected .* MiB free"):
        RingWriter("test", (16000, 16000, 3), 400, new_epoch())


def test_a_reader_follows_a_restarted_writer(segments: None) -> None:
    rings = RingCache()
    for value in (1, 2):
        with RingWriter("test", SHAPE, 4, new_epoch()) as writer:
            publish(writer, value)
            picture = rings.read(writer.name, 0, SHAPE, None)
            assert picture is not None and (picture == value).all()
            with pytest.raises(RingGoneError, match="expected frames of"):
                rings.read(writer.name, 0, (6, 9, 3), None)
    rings.close()


def test_sweep_removes_what_a_killed_writer_left_and_nothing_else(own_folder: Path) -> None:
    with RingWriter("alive", SHAPE, 4, new_epoch()) as alive:
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, own_folder], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        dead = process.stdout.readline().strip()
        assert names_in(own_folder) == {alive.name, dead}
        assert remove_stale() == [], "both writers live"
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert names_in(own_folder) == {alive.name, dead}
        assert remove_stale() == [dead]
        assert names_in(own_folder) == {alive.name}


@pytest.mark.parametrize("machine", ["aarch64", "riscv64", "ppc64le", "i686"])
def test_a_processor_that_does_not_keep_the_order_of_stores_is_refused(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "here", "6", "1", machine)))
    for make in (lambda: ResizableRing("test", 4), RingCache):
        with pytest.raises(ProcessorError, match=rf"expected x86_64, .* got {machine}; run the call"):
            make()


def test_a_stage_on_such_a_processor_ends_with_one_line(run_dir: Path) -> None:
    there = "import os; os.uname = lambda: os.uname_result(('Linux', 'here', '6', '1', 'aarch64')); "
    done = subprocess.run(
        [sys.executable, "-c", there + "from common.runtime.supervisor import launch; launch('capture')"], cwd=ROOT,
        env=environment({"source": "demo"}, run_dir), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("capture: processor: expected x86_64")


WRITER = """
import sys, time
from common.ipc import ring, shm
shm.SHM_FOLDER = sys.argv[1]
writer = ring.RingWriter("other", (6, 8, 3), 4, ring.new_epoch())
print(writer.name, flush=True)
time.sleep(60)
"""


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.root
@pytest.mark.parametrize("state", ["idle", "stopped", "killed"])
def test_a_writer_in_another_container_is_gone_when_it_is_and_not_before(state: str, own_folder: Path) -> None:
    """Its pid says nothing here, and may be anybody's."""
    container = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    with subprocess.Popen(
        [*container, sys.executable, "-c", WRITER, own_folder], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        (writer,) = map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())
        os.utime(own_folder / name, (0, 0))  # long ago
        if state != "idle":
            os.kill(writer, signal.SIGSTOP if state == "stopped" else signal.SIGKILL)
        if state == "killed":
            process.wait()
        assert (name in remove_stale()) is (state == "killed")
        process.kill()
    if state != "killed":
        wait_for("the end of the container", lambda: name in remove_stale(), 5)


@pytest.mark.parametrize(
    "kind", ["pipe", "link", "folder", pytest.param("somebody else's", marks=pytest.mark.root), "ours"]
)
def test_what_is_no_segment_of_ours_is_left_alone(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others may put what they like into the folder, under our names too. An old file of ours is the negative control."""
    monkeypatch.setattr(segments_module, "SHM_FOLDER", str(tmp_path))
    path = tmp_path / f"{name_prefix()}x"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        (tmp_path / "elsewhere").write_text("x")
        path.symlink_to("elsewhere")
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_text("x")
    if kind == "somebody else's":
        os.chown(path, 65534, 65534)
    for old in tmp_path.iterdir():
        os.utime(old, (0, 0), follow_symlinks=False)
    assert remove_stale() == ([path.name] if kind == "ours" else [])
    assert os.path.lexists(path) is (kind != "ours")
    if kind != "ours":
        with pytest.raises(RingGoneError):
            RingReader(path.name)


def _write_for_ever(epoch: int, shape: tuple[int, int, int], ready: Event, stop: Event) -> None:
    writer = RingWriter("stress", shape, 4, epoch)
    number = 0
    ready.set()
    while not stop.is_set():
        writer.claim()[:] = number % 251  # derived from the sequence: a torn copy shows itself
        writer.publish()
        number += 1
    writer.close()


def test_stress_no_torn_copy_is_accepted_under_a_full_speed_writer(segments: None) -> None:
    shape = (240, 320, 3)
    context = multiprocessing.get_context("spawn")
    ready, stop, epoch = context.Event(), context.Event(), new_epoch()
    process = context.Process(target=_write_for_ever, args=(epoch, shape, ready, stop))
    process.start()
    try:
        assert ready.wait(30)
        with RingReader(f"{name_prefix()}stress-{epoch:016x}") as reader:
            into = np.empty(shape, np.uint8)
            attempts = accepted = torn_accepted = torn_refused = 0
            deadline = time.monotonic() + STRESS_PATIENCE_S
            while time.monotonic() < deadline and (accepted < 2000 or torn_refused == 0):
                attempts += 1
                # also ask for slots that are about to be overwritten: the negative control
                wanted = reader.cursor - attempts % 4
                if wanted < 0:
                    continue
                whole = reader.read(wanted, into)
                torn = bool((into != wanted % 251).any())
                accepted += whole
                torn_accepted += whole and torn
                torn_refused += not whole and torn
        assert torn_accepted == 0
        assert accepted >= 2000
        assert torn_refused > 0, "without a single torn copy the test proves nothing"
    finally:
        stop.set()
        process.join(10)
