"""Which requests may run setup without the token printed in the terminal."""

import pytest

from firebell.setup.token import PROXY_HEADERS, is_local

HERE = {"host": "127.0.0.1:8080"}


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST:80", "[::1]:8080"])
def test_this_machine_needs_no_token(client: str, host: str) -> None:
    assert is_local(client, {"host": host})


@pytest.mark.parametrize(
    "client", ["10.0.0.7", "172.17.0.1", "2001:db8::1", "", "testclient", "::ffff:10.0.0.7"]
)
def test_another_machine_needs_the_token(client: str) -> None:
    assert not is_local(client, HERE)


@pytest.mark.parametrize("name", PROXY_HEADERS)
def test_behind_a_proxy_the_token_is_needed(name: str) -> None:
    assert not is_local("127.0.0.1", {**HERE, name: "127.0.0.1"})


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "",
        "[::1",
    ],
)
def test_a_name_that_was_rebound_to_this_machine_does_not_reach_the_first_run(host: str) -> None:
    assert not is_local("127.0.0.1", {"host": host})
