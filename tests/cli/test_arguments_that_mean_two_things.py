"""An argument that is one thing's id and another's name is refused, never guessed."""

from datetime import UTC, datetime
from pathlib import Path

from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from tests.cli.terminal import at_a_server


async def test_an_id_that_is_also_a_slug_pages_no_team(dsn: str, tmp_path: Path) -> None:
    async with at_a_server(dsn, FakeClock(datetime.now(UTC)), tmp_path) as (w, run):
        async with w.ctx.db.tx() as tx:
            (payments,) = await people.teams(tx)
            wanted = str(payments.id)
            other = await people.create_team(tx, await w.actor(w.mara), name=wanted, now=w.now)
        assert other.slug == wanted
        refused = await run("page", "send", "Please join", "--team", wanted, code=1)
        assert payments.slug in refused.err
        await run("service", "add", "Ledger", "--team", wanted, code=1)
        assert await w.pages() == []
        for named, team in ((str(other.id), other), (payments.slug.upper(), payments)):
            added = (await run("service", "add", f"Of {team.name}", "--team", named, "--json")).json
            assert added["team_id"] == team.id


async def test_an_id_that_is_also_a_name_deletes_no_webhook(dsn: str, tmp_path: Path) -> None:
    async with at_a_server(dsn, FakeClock(datetime.now(UTC)), tmp_path) as (_, run):
        first = (await run("webhook", "create", "Deploys", "http://127.0.0.1:9/a", "--json")).json
        wanted = str(first["id"])
        await run("webhook", "create", wanted, "http://127.0.0.1:9/b")
        await run("webhook", "delete", wanted, code=1)
        assert len((await run("webhook", "list", "--json")).json) == 2
        await run("webhook", "delete", "deploys")
        await run("webhook", "delete", wanted)
        assert (await run("webhook", "list", "--json")).json == []
