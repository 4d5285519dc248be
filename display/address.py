"""Takes addresses apart: `HOST:PORT`, with or without `tcp://`. An IPv6 host stands in brackets."""

from __future__ import annotations

import ipaddress


def split_address(address: str) -> tuple[str, int]:
    """Return the host, without brackets, and the port."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return host.strip("[]"), int(port)


def ip_of(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address of the host, 127.0.0.1 for localhost, and None for every other name."""
    host, _ = split_address(address)
    try:
        return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return None


def is_loopback(address: str) -> bool:
    """Return whether only this machine can reach an address; False for every name but localhost."""
    ip = ip_of(address)
    return ip is not None and ip.is_loopback
