"""IP addresses as clients and name servers give them, and the networks that they belong to (pure)."""

import ipaddress
from collections.abc import Iterable

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_ip(address: str) -> IpAddress:
    """Return an address without its zone, an IPv4 address mapped to IPv6 as itself; raise `ValueError`."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return (ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None) or ip


def is_in(ip: IpAddress, networks: Iterable[Network]) -> bool:
    """Return True if an address belongs to one of the networks."""
    return any(ip.version == network.version and ip in network for network in networks)
