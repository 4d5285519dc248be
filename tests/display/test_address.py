from __future__ import annotations

import pytest

from display.address import is_loopback, split_address


@pytest.mark.parametrize(
    ("address", "loopback"),
    [("tcp://127.0.0.1:5", True), ("tcp://127.9.9.9:5", True), ("tcp://[::1]:5", True), ("tcp://localhost:5", True),
     ("tcp://0.0.0.0:5", False), ("tcp://[::]:5", False), ("tcp://*:5", False), ("tcp://10.0.0.1:5", False),
     ("tcp://localhost.evil.example:5", False), ("tcp://eth0:5", False)],
)  # fmt: skip
def test_loopback_addresses_are_recognised(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [("tcp://127.0.0.1:5", "127.0.0.1", 5), ("[::1]:8765", "::1", 8765), ("tcp://localhost:65535", "localhost", 65535)],
)
def test_an_address_is_split_into_host_and_port(address: str, host: str, port: int) -> None:
    assert split_address(address) == (host, port)
