"""The command line lists and ends sessions."""

from datetime import UTC, datetime
from pathlib import Path

import httpx

from firebell.kit.clock import FakeClock
from tests.cli.terminal import at_a_server
from tests.world import ANSWERS


async def test_sessions_are_listed_and_ended(dsn: str, tmp_path: Path) -> None:
    async with at_a_server(dsn, FakeClock(datetime.now(UTC)), tmp_path) as (_, run):
        assert (await run("session", "list", "--json")).json == []
        form = {"email": ANSWERS.email, "password": ANSWERS.password}
        async with httpx.AsyncClient(base_url=run.env["FIREBELL_URL"]) as http:
            for _ in range(2):
                http.cookies.clear()
                assert (await http.post("/login", data=form)).status_code == 303
        first, second = (await run("session", "list", "--json")).json
        assert (first["address"], first["current"]) == ("127.0.0.1", False)
        await run("session", "end", str(first["id"]))
        assert [s["id"] for s in (await run("session", "list", "--json")).json] == [second["id"]]
        await run("session", "end", str(first["id"]), code=1)
        await run("session", "end", code=2)
        await run("session", "end", "--all")
        assert (await run("session", "list", "--json")).json == []
        await run("session", "revoke-access")
        await run("session", "list", code=1)
