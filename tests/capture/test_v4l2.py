from __future__ import annotations

import errno
import struct
from pathlib import Path

from capture import v4l2


def fake_ioctl(fd: int, request: int, data: bytearray) -> int:
    """A driver with MJPG in two sizes, one of them at two rates, and YUYV in steps up to 640 x 480."""
    number, *fields = struct.unpack_from("<4I", data)
    mjpg, yuyv = (struct.unpack("<I", code)[0] for code in (b"MJPG", b"YUYV"))
    sizes = {mjpg: [(1280, 720), (640, 360)]}
    if request == v4l2.QUERYCAP:
        v4l2.CAPABILITY.pack_into(data, 0, b"uvcvideo", b"Fake Cam", b"usb", 1, v4l2.DEVICE_CAPS | 3, 1, 0, 0, 0)
    elif request == v4l2.ENUM_FMT and number < 2:
        v4l2.FMTDESC.pack_into(data, 0, number, 1, 0, b"", (mjpg, yuyv)[number], 0, 0, 0, 0)
    elif request == v4l2.ENUM_FRAMESIZES and fields[0] == mjpg and number < 2:
        v4l2.FRMSIZE.pack_into(data, 0, number, mjpg, v4l2.DISCRETE, *sizes[mjpg][number], 0, 0, 0, 0, 0, 0)
    elif request == v4l2.ENUM_FRAMESIZES and fields[0] == yuyv and number < 1:
        v4l2.FRMSIZE.pack_into(data, 0, number, yuyv, 3, 160, 640, 16, 120, 480, 8, 0, 0)
    elif request == v4l2.ENUM_FRAMEINTERVALS and fields == [mjpg, 1280, 720] and number < 2:
        v4l2.FRMIVAL.pack_into(data, 0, number, mjpg, 1280, 720, 1, 1, (15, 30)[number], 0, 0, 0, 0, 0, 0)
    else:
        raise OSError(errno.EINVAL, "no more")
    return 0


def test_modes_are_read_as_the_kernel_lays_them_out(tmp_path: Path) -> None:
    for name in ("video0", "video10", "video2", "vbi0"):
        (tmp_path / name).touch()
    found = v4l2.devices(tmp_path, fake_ioctl)
    assert [d.path.name for d in found] == ["video0", "video2", "video10"]
    assert found[0][1:5] == ("Fake Cam", "uvcvideo", True, False)
    assert [str(m) for m in found[0].modes] == [
        "MJPG 1280 x 720 at 30, 15", "MJPG 640 x 360", "YUYV up to 640 x 480",
    ]  # fmt: skip


def test_a_range_of_sizes_offers_all_up_to_the_greatest() -> None:
    sizes, one = v4l2.Mode("YUYV", 640, 480, (), True), v4l2.Mode("YUYV", 640, 480, ())
    assert sizes.offers(320, 240) and sizes.offers(640, 480) and not sizes.offers(641, 480)
    assert one.offers(640, 480) and not one.offers(320, 240)


def test_the_lasting_names_of_a_camera_are_found(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    (tmp_path / "video1").touch()
    links = tmp_path / "v4l" / "by-id"
    links.mkdir(parents=True)
    for name, target in (("usb-One", "video0"), ("usb-Two", "video1"), ("usb-Gone", "video9")):
        (links / name).symlink_to(Path("..", "..", target))
    assert v4l2.links_to(tmp_path / "video1", tmp_path) == [links / "usb-Two"]


def test_files_that_are_not_video_devices_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    assert v4l2.devices(tmp_path) == []
    (tmp_path / "video0").unlink()
    (tmp_path / "video1").symlink_to("nowhere")
    assert v4l2.devices(tmp_path) == []
