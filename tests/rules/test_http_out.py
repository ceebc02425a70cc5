"""The SSRF guard: which addresses may be connected to."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.errors import Invalid
from firebell.kit.http_out import check_url, parse_networks
from firebell.kit.ip_addresses import allowed

INSIDE = [
    "127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "172.16.0.1", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1",
    "::", "::1", "fe80::1%eth0", "fec0::1", "fd00::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:0a00:0001::1", "2001:0:4136:e378::",
    "64:ff9b:1::7f00:1", "64:ff9b:1:ffff::1", "::ffff:0:127.0.0.1", "::ffff:0:93.184.216.34",
    "192.0.0.1", "192.0.0.8", "192.0.0.170", "168.63.129.16", "::ffff:168.63.129.16", "::ffff:192.0.0.8",
    "3fff::1", "3fff:fff::1", "5f00::1", "5f00:ffff::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_internal_addresses_are_never_connected_to(address: str) -> None:
    assert not allowed(address, ())


@pytest.mark.parametrize("address", [
    "93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "168.63.129.15", "192.0.1.1",
    "2a00:1450::1",
])  # fmt: skip
def test_public_addresses_are_allowed(address: str) -> None:
    assert allowed(address, ())


def test_networks_that_the_operator_allows_are_connected_to() -> None:
    networks = parse_networks("10.0.0.0/8, fd00::/8")
    assert allowed("10.1.2.3", networks)
    assert allowed("::ffff:10.1.2.3", networks)
    assert allowed("fd00::1", networks)
    assert not allowed("192.168.0.1", networks)


@given(st.ip_addresses(v=4))
def test_an_address_inside_an_address_is_never_more_than_itself(inner: ipaddress.IPv4Address) -> None:
    mapped = f"::ffff:{inner}"
    assert allowed(mapped, ()) == allowed(str(inner), ())
    for wrapped in (
        ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) | int(inner)),
        ipaddress.IPv6Address((0x2002 << 112) | (int(inner) << 80)),
        ipaddress.IPv6Address(int(inner)),
        ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b:1::")) | int(inner)),
        ipaddress.IPv6Address(int(ipaddress.IPv6Address("::ffff:0:0:0")) | int(inner)),
    ):
        assert not allowed(str(wrapped), ())


@pytest.mark.parametrize("url", [
    "ftp://example.org/x", "example.org", "http://", "https://u:p@example.org/",
    "https://-a.example.org/", "https://a..example.org/", "https://.example.org/", "https://999.1.1.1/",
    f"https://{'a' * 64}.example.org/", f"https://{'a.' * 127}example.org/", "https://ex*ample.org/",
    "https://[::1/", "https://1.2.3/", "https://a_b.example.1/",
])  # fmt: skip
def test_an_address_that_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        check_url(url)


@pytest.mark.parametrize("url", [
    "https://example.org", "http://localhost:8080/x", "https://my_host/", "https://example.org./",
    "https://b\u00fccher.example/", "https://192.0.2.7/", "https://[2001:db8::1]:8443/x", "https://xn--bcher-kva.example",
])  # fmt: skip
def test_an_address_of_a_possible_host_is_accepted(url: str) -> None:
    assert check_url(url) == url
