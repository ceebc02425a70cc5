"""While the database is unavailable nothing is accepted and everyone is told; afterwards pages continue."""

import os
import signal

import httpx
import pytest

from tests.chaos.product import product
from tests.servers import until

pytestmark = pytest.mark.chaos


async def test_senders_get_503_and_their_retries_are_paged() -> None:
    async with (
        product() as h,
        h.serve() as server,
        httpx.AsyncClient(base_url=server.url, timeout=60) as http,
    ):
        (h.data / "postgres/PG_VERSION").rename(h.data / "hidden")  # it cannot start again
        os.kill(h.postmaster, signal.SIGKILL)

        async def is_away() -> bool:
            return (await http.get("/healthz")).status_code == 503

        await until(is_away, "/healthz says that the database is unavailable")
        body = {"title": "disk full", "severity": "critical"}
        event = {"routing_key": h.key, "event_action": "trigger", "payload": {
            "summary": "disk full", "source": "db-1", "severity": "critical"}}  # fmt: skip
        for answer in (
            await http.post(f"/in/{h.key}/generic", json=body),
            await http.post(f"/in/{h.key}/alertmanager", json={"alerts": []}),
            await http.post("/v2/enqueue", json=event),
        ):
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
        page = await http.get("/login")
        assert page.status_code in (200, 503)
        assert "Traceback" not in page.text
        assert server.process.returncode is None

        async def tried() -> bool:
            return "cannot start the database" in server.said

        await until(tried, "the worker says why the database stays away")
        (h.data / "hidden").rename(h.data / "postgres/PG_VERSION")

        async def accepted() -> bool:
            return (await http.post(f"/in/{h.key}/generic", json=body)).status_code == 202

        await until(accepted, "the alert is accepted when the database is back")
        await h.heard("disk full")
        assert (await http.get("/healthz")).status_code == 200
