"""IP addresses as clients and name servers give them, and the networks that they belong to (pure)."""

import ipaddress
from collections.abc import Iterable

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NEVER = [
    ipaddress.ip_network(network)
    for network in (
        # IPv4 in IPv6 (compatible, SIIT, NAT64, local NAT64, Teredo, 6to4): a gateway connects to the inner address
        *("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16"),
        # reserved by IANA; only newer Python versions call them private
        *("192.0.0.0/24", "3fff::/20", "5f00::/16"),
        # the Azure host agent, reachable from every virtual machine
        "168.63.129.16/32",
    )
]
"""Networks never connected to, although Python may call them public."""


def parse_ip(address: str) -> IpAddress:
    """Return an address without its zone, an IPv4 address mapped to IPv6 as itself; raise `ValueError`."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return (ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None) or ip


def is_in(ip: IpAddress, networks: Iterable[Network]) -> bool:
    """Return True if an address belongs to one of the networks."""
    return any(ip.version == network.version and ip in network for network in networks)


def allowed(address: str, networks: Iterable[Network]) -> bool:
    """Return True if an IP address may be connected to: it is public or in an allowed network."""
    ip = parse_ip(address)
    if is_in(ip, networks):
        return True
    if is_in(ip, _NEVER):
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.is_site_local:
        return False
    return ip.is_global and not ip.is_multicast
