"""A person pages someone, every process dies before the answer, and the repeated request starts no second page."""

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from firebell.kit.clock import FakeClock
from firebell.process import running
from tests.api.api_clients import key_of
from tests.chaos.product import Product, product
from tests.servers import until
from tests.world import settings

pytestmark = pytest.mark.chaos


async def send(h: Product, url: str, key: str) -> httpx.Response:
    body = {"target": {"kind": "person", "id": 2}, "text": "Please join the call"}
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "one"}
    return await h.http.post(f"{url}/api/v1/pages", json=body, headers=headers)


async def test_a_manual_page_is_stored_once_and_sent_although_everything_was_killed() -> None:
    async with product() as h:
        async with running(settings(data=h.data)) as process:
            key = await key_of(process.ctx.db, FakeClock(datetime.now(UTC)), 1)
        async with h.serve() as first:
            h.sink.delay_s = 0.5  # the message is under way when it dies
            sent = asyncio.create_task(send(h, first.url, key))

            async def stored() -> bool:
                return bool(await h.value("select count(*) from manual_page"))

            await until(stored, "the page is stored")
            await first.kill_all()
            await asyncio.gather(sent, return_exceptions=True)
        h.sink.delay_s = 0
        async with h.serve() as second:
            repeated = await send(h, second.url, key)
            assert (repeated.status_code, repeated.json()["ref"]) == (201, "PG-1")
            assert await h.value("select count(*) from page") == 1
            await h.value("update delivery set lease_until = now() where state = 'sending'")
            await h.heard("Mara Lindqvist (test): Please join the call")
