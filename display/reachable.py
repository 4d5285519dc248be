"""Names the addresses under which this machine is reached."""

from __future__ import annotations

import socket
from typing import NamedTuple

from display.address import split_address


class Reached(NamedTuple):
    """Where what is served on all addresses of this machine is reached.

    Attributes:
        here: Address for programs of this machine.
        probe: Address that stands for every other machine; it is nobody's (RFC 5737, RFC 3849).
    """

    here: str
    probe: str


ALL_ADDRESSES = {"0.0.0.0": Reached("127.0.0.1", "192.0.2.1"), "::": Reached("::1", "2001:db8::1")}


def host_from_here(host: str) -> str:
    """Return the address under which this machine reaches what it serves on `host`."""
    return ALL_ADDRESSES[host].here if host in ALL_ADDRESSES else host


def host_from_elsewhere(host: str) -> str:
    """Return the address under which other machines reach what this one serves on `host`.

    For all addresses it is the one that this machine would send from, or its loopback where it has no network. In a container
    others may need the address of its host.
    """
    if host not in ALL_ADDRESSES:
        return host
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((ALL_ADDRESSES[host].probe, 9))  # sends nothing, but chooses the address to send from: udp(7)
        except OSError:
            return host_from_here(host)
        address: str = probe.getsockname()[0]
        return address


def address_from_elsewhere(address: str) -> str:
    """Return the address by which other machines reach what this one serves on `tcp://HOST:PORT`."""
    host, port = split_address(address)
    return f"tcp://{in_url(host_from_elsewhere(host))}:{port}"


def in_url(host: str) -> str:
    """Return a host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host
