"""The guarded client with real names and a real server never reaches internal addresses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from firebell.kit.http_out import guarded_client, parse_networks
from firebell.kit.resolver import Resolver
from tests.world import Sink, sink


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]"],
)
async def test_no_spelling_of_an_internal_address_is_connected_to(host: str) -> None:
    async with sink() as receiver, guarded_client(()) as http:
        with pytest.raises(httpx.ConnectError, match="private address"):
            await http.post(f"http://{host}:{receiver.port}/hook", json={})
        assert receiver.got == []


@asynccontextmanager
async def inside() -> AsyncIterator[tuple[Sink, httpx.AsyncClient]]:
    """Yield a receiver and a client that may reach it; the receiver sees the end of every connection."""
    async with sink() as receiver:
        async with guarded_client(parse_networks("127.0.0.0/8")) as http:
            yield receiver, http
        await asyncio.sleep(0.05)


async def test_what_the_operator_allows_is_reached_and_a_redirect_is_not_followed() -> None:
    async with inside() as (receiver, http):
        receiver.status = 302
        answer = await http.post(receiver.url, json={"title": "x"})
        assert (answer.status_code, receiver.got) == (302, [{"title": "x"}])


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "no-such-host.invalid"])
async def test_a_name_that_no_one_can_resolve_is_an_error_of_the_request(host: str) -> None:
    async with guarded_client(()) as http:
        with pytest.raises(httpx.ConnectError, match="cannot be resolved"):
            await http.get(f"http://{host}/")


async def test_a_host_with_a_dead_address_first_is_reached_by_its_next() -> None:
    resolver = Resolver(lambda host: ["127.9.9.9", "127.0.0.1"])
    async with sink() as receiver:
        async with guarded_client(parse_networks("127.0.0.0/8"), resolver) as http:
            answer = await http.post(f"http://two.example:{receiver.port}/hook", json={"n": 1})
            assert answer.status_code == 200
        await asyncio.sleep(0.05)
