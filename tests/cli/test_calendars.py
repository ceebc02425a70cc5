"""Calendars at the terminal."""

from pathlib import Path
from urllib.request import urlopen

from firebell.kit.clock import FakeClock
from tests.cli.terminal import at_a_server
from tests.servers import until
from tests.stories.test_a_rota_in_an_imported_calendar import HEAD, TAIL, event


async def test_calendars_out_and_in(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (_, run):
        assert (await run("oncall", "feed", "list", "--json")).json == []
        made = (await run("oncall", "feed", "make", "--schedule", "payments-primary", "--json")).json
        address = made["url"]
        with urlopen(address) as answer:
            assert answer.read().startswith(b"BEGIN:VCALENDAR\r\n")
        assert "Payments primary" in (await run("oncall", "feed", "list")).out
        await run("oncall", "feed", "make", "--schedule", "x", "--team", "1", code=2)
        revoked = await run("oncall", "feed", "revoke", str(made["id"]), "--json")
        assert revoked.json["revoked"] == made["id"]

        async def on_call() -> str:
            return (await run("oncall")).out.splitlines()[1]

        # the rotation changes each week
        own, other = "Mara Lindqvist", "Jun Okafor"
        if own not in await on_call():
            own, other = other, own
        rota = tmp_path / "rota.ics"
        days = "RRULE:FREQ=DAILY;COUNT=9\r\n"
        rota.write_text(
            HEAD
            + event("20260101T000000", "20991231T000000", other)
            + event("20260101T000000", "20991231T000000", "Alice", days)
            + TAIL,
            newline="",
        )
        added = await run("oncall", "import", "add", "payments-primary", "--file", str(rota))
        assert added.out == "Imported Pasted calendar as layer above (calendar 1).\n"

        async def good() -> bool:
            return "good" in (await run("oncall", "import", "list", "payments-primary")).out

        await until(good, "the calendar is read")
        assert "'Alice' matches no one" in (await run("oncall", "import", "list", "payments-primary")).out
        assert other in await on_call()
        options = ("--holidays", "DE", "--part", "BE", "--user", "mara@example.org")
        named = await run("oncall", "import", "add", "payments-primary", *options)
        assert named.out == "Imported Public holidays DE BE as layer above (calendar 2).\n"
        await run("oncall", "import", "add", "payments-primary", "--holidays", "DE", "--url", "x", code=2)
        nobody = await run(
            "oncall", "import", "add", "payments-primary", "--holidays", "DE", "--user", "x@y.org", code=1
        )
        assert "No one has the email address x@y.org" in nobody.err
        await run("oncall", "import", "fetch", "1")
        moved = await run("oncall", "import", "place", "1", "below")
        assert moved.out == "Pasted calendar is now below the rotations.\n"
        assert own in await on_call()
        base = await run("oncall", "import", "add", "payments-primary", "--file", str(rota), "--below")
        assert base.out == "Imported Pasted calendar as layer below (calendar 3).\n"
        await run("oncall", "import", "place", "1", "beside", code=2)
        await run("oncall", "import", "remove", "3")
        await run("oncall", "import", "remove", "1")
        assert "Pasted" not in (await run("oncall", "import", "list", "payments-primary")).out
