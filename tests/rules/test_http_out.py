"""The SSRF guard: what may be dialled."""

import pytest

from firebell.kit.errors import Invalid
from firebell.kit.http_out import allowed, check_url, parse_networks


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "::1", "fe80::1%eth0", "::ffff:127.0.0.1",
     "100.64.0.1", "0.0.0.0", "224.0.0.1"],
)  # fmt: skip
def test_the_inside_is_never_dialled(address: str) -> None:
    assert not allowed(address, ())


def test_the_outside_is_and_so_is_what_the_operator_allows() -> None:
    assert allowed("93.184.216.34", ())
    assert allowed("10.1.2.3", parse_networks("10.0.0.0/8"))


@pytest.mark.parametrize("url", ["ftp://example.org/x", "example.org", "http://", "https://u:p@example.org/"])
def test_an_address_that_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(Invalid):
        check_url(url)
