"""Maintenance, silences and inhibition rules at the terminal."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from firebell.kit.clock import FakeClock
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import PageVisibility
from tests.cli.terminal import at_a_server


async def test_maintenance_is_scheduled_and_canceled(dsn: str, tmp_path: Path) -> None:
    clock = FakeClock(datetime.now(UTC))
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        async with w.ctx.db.tx() as tx:
            page = await status_pages.create_status_page(
                *(tx, await w.actor(w.mara)),
                slug="kestrel",
                name="Kestrel",
                tz="UTC",
                visibility=PageVisibility.PUBLIC,
                component_of=[w.service],
                now=clock.now(),
            )
        day = f"{clock.now() + timedelta(days=9):%Y-%m-%d}"
        times = ("--start", f"{day} 02:00", "--end", f"{day} 04:00")
        planned = ("maintenance", "schedule", page.slug, "Upgrade", "--component", "1", "--body", "-", *times)
        scheduled = (await run(*planned, "--json", typed="Checkout may pause.")).json
        assert (scheduled["stage"], scheduled["updates"][0]["body"]) == ("scheduled", "Checkout may pause.")
        await run("maintenance", "verify", page.slug, scheduled["id"], code=1)
        listed = (await run("maintenance", "list", page.slug)).out
        assert scheduled["id"] in listed
        cancelled = (await run("maintenance", "cancel", page.slug, scheduled["id"], "--json")).json
        assert cancelled["stage"] == "cancelled"

        # what else keeps alerts from paging
        wanted = ("alertname=DiskFull", "--comment", "New volume", "--for", "2h")
        await run("silence", "add", *wanted[:-1], "2 parsecs", code=2)
        preview = (await run("silence", "add", *wanted, "--preview", "--json")).json
        assert (preview["firing"], preview["matching"]) == (0, 0)
        silence = (await run("silence", "add", *wanted, "--json")).json
        assert (silence["state"], silence["comment"]) == ("active", "New volume")
        assert "New volume" in (await run("silence", "list")).out
        assert "expired" in (await run("silence", "expire", str(silence["id"]))).out
        sides = ("--source", "alertname=NodeDown", "--target", "alertname=DiskSlow", "--equal", "instance")
        await run("inhibition", "add", "Node down", *sides)
        assert "NodeDown" in (await run("inhibition", "list")).out
