from __future__ import annotations

import socket

import pytest

from display.reachable import address_from_elsewhere, host_from_elsewhere, host_from_here


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.7", "localhost", "::1"])
def test_one_address_is_the_same_from_everywhere(host: str) -> None:
    assert host_from_here(host) == host_from_elsewhere(host) == host


@pytest.mark.parametrize(("host", "here"), [("0.0.0.0", "127.0.0.1"), ("::", "::1")])
def test_all_addresses_are_one_that_can_be_opened(host: str, here: str) -> None:
    assert host_from_here(host) == here
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as server:
        reached = (host_from_elsewhere(host), server.getsockname()[1])
        with socket.create_connection(reached, timeout=5):
            pass


@pytest.mark.parametrize(("host", "says"), [("192.0.2.7", "192.0.2.7"), ("2001:db8::7", "[2001:db8::7]")])
def test_an_address_for_others_names_no_wildcard(host: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: None)
    monkeypatch.setattr(socket.socket, "getsockname", lambda _: (host, 1))
    wildcard = "[::]" if ":" in host else "0.0.0.0"
    assert address_from_elsewhere(f"tcp://{wildcard}:5555") == f"tcp://{says}:5555"
    assert address_from_elsewhere("tcp://127.0.0.1:5555") == "tcp://127.0.0.1:5555"


def test_without_a_network_this_machine_alone_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    assert address_from_elsewhere("tcp://0.0.0.0:5555") == "tcp://127.0.0.1:5555"
