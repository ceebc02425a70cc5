"""One anonymous client opens more connections than there are descriptors: alerts are accepted, pages are sent."""

import asyncio
import json
from contextlib import suppress

import pytest

from tests.chaos.product import product
from tests.servers import until

pytestmark = pytest.mark.chaos

HALF = b"POST /in/x/generic HTTP/1.1\r\nHost: firebell\r\nContent-"


async def test_1100_half_requests_stop_neither_alerts_nor_pages() -> None:
    async with product() as h, h.serve(descriptors=1024) as server:
        port = int(server.url.rpartition(":")[2])
        flood = []
        for number in range(1100):
            if number % 100 == 50:
                assert await h.alert(server, f"alert {number}") == 202
            with suppress(ConnectionError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(HALF)
                flood.append(writer)
        assert await h.alert(server, "after the flood") == 202
        await h.heard("after the flood", *(f"alert {n}" for n in range(50, 1100, 100)))
        assert (await h.http.get(f"{server.url}/healthz")).status_code == 200

        async def received() -> list[dict[str, object]]:
            lines = [json.loads(line) for line in server.said.splitlines() if line.startswith("{")]
            return [line for line in lines if line.get("limit") == 512 and line.get("closed")]

        (line, *_) = await until(received, "the log says that connections were closed")
        assert line["level"] == "warning"
        for writer in flood:
            writer.close()
