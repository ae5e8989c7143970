"""Whose an address on the network is: what counts somebody counts all addresses that one customer has."""

from __future__ import annotations

import ipaddress


def network(ip: str) -> str:
    """The part of an address that one customer has: IPv4 whole (also mapped into IPv6), IPv6 the first 64 bits."""
    return _part(ip, 64)


def site(ip: str) -> str:
    """The most that one customer has of IPv6: the first 48 bits (RFC 6177); an IPv4 address is alone."""
    return _part(ip, 48)


def _part(ip: str, bits: int) -> str:
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, bits), strict=False).network_address)
        address = address.ipv4_mapped
    return str(address)
