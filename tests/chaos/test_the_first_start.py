"""The first start, in a folder that does not exist yet."""

import httpx
import pytest

from tests.servers import data_folder, serve

pytestmark = pytest.mark.chaos


async def test_the_first_start_creates_the_database_and_asks_for_the_first_person() -> None:
    with data_folder() as data:
        async with serve(fork=False, FIREBELL_DATA=str(data / "new" / "place")) as server:
            assert server.said.startswith(f"Firebell is running at {server.url}")
            async with httpx.AsyncClient(base_url=server.url, follow_redirects=True, timeout=60) as http:
                page = await http.get("/")
                assert (page.status_code, page.url.path) == (200, "/setup")
                assert (await http.get("/healthz")).json()["status"] == "ok"
            assert await server.stop() == 0
        async with serve(FIREBELL_DATA=str(data / "new" / "place")) as again:
            assert again.process.returncode is None
