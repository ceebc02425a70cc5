"""Which hosts are answered, and which requests another site caused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.web.origin import is_allowed_host, is_cross_site

PUBLIC = "https://firebell.example.org"
HOSTS = frozenset({"firebell.example.org", "*.internal.example.org"})


@pytest.mark.parametrize(
    "host",
    [
        *("firebell.example.org", "FIREBELL.example.org:443", "firebell.example.org.", ""),
        *("localhost", "localhost:8080", "demo.localhost:8080"),
        *(
            "127.0.0.1:8080",
            "192.168.1.5",
            "192.168.1.5:8080",
            "[::1]:8080",
            "[2001:db8::5]",
            "[fe80::1%25eth0]",
        ),
        *("a.internal.example.org", "a.b.internal.example.org:8080"),
    ],
)
def test_own_names_and_literal_addresses_are_answered(host: str) -> None:
    assert is_allowed_host(host, HOSTS)


@pytest.mark.parametrize(
    "host",
    [
        *("evil", "evil.example", "evil.example:8080", "firebell.example.org.evil.example"),
        *("127.0.0.1.evil.example", "notlocalhost", "localhost.evil.example", "[::1", "internal.example.org"),
        *("evilinternal.example.org", "2130706433.example", "x@evil.example", "evil.example/localhost"),
    ],
)
def test_foreign_names_are_not_answered(host: str) -> None:
    assert not is_allowed_host(host, HOSTS)


@pytest.mark.parametrize(
    ("method", "site", "origin", "cross"),
    [
        ("GET", "cross-site", "https://evil.example", False),
        ("HEAD", "cross-site", "", False),
        ("POST", "same-origin", "", False),
        ("POST", "none", "", False),
        ("POST", "cross-site", "https://firebell.example.org", True),
        ("POST", "same-site", "https://wiki.example.org", True),
        ("POST", "strange", "", True),
        ("DELETE", "cross-site", "", True),
        ("POST", "", "https://firebell.example.org", False),
        ("POST", "", "http://10.1.2.3:8080", False),
        ("POST", "", "https://evil.example", True),
        ("POST", "", "https://firebell.example.org.evil.example", True),
        ("POST", "", "null", True),
        ("POST", "", "http://[", True),
        ("POST", "", "", False),
    ],
)
def test_what_another_site_caused_is_refused(method: str, site: str, origin: str, cross: bool) -> None:
    host = "10.1.2.3:8080" if origin.startswith("http://10.") else "127.0.0.1:8080"
    assert is_cross_site(method, host, site, origin, PUBLIC) == cross


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_whatever_the_headers_say_there_is_an_answer(host: str, site: str, origin: str) -> None:
    is_allowed_host(host, HOSTS)
    assert is_cross_site("POST", host, site, origin, PUBLIC) in (True, False)
