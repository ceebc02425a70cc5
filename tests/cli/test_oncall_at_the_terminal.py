"""On-call on the command line: schedules as files, covers, swaps, time off, findings."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from firebell.commands.local_time import machine_zone
from firebell.kit.clock import FakeClock
from firebell.oncall.schedules import override_presets
from tests.cli.terminal import Terminal, at_a_server
from tests.cli.test_from_alert_to_close import narrow

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
"""The server of these tests has the real clock."""


def day(n: int, hour: int = 0) -> str:
    """Return an hour of the n-th day after today as a user would type it."""
    return f"{TODAY + timedelta(days=n, hours=hour):%Y-%m-%dT%H:%M}"


async def daily(run: Terminal, folder: Path, *people: int, **more: Any) -> Path:
    """Create the schedule "daily" with a turn per day from midnight, and return its file."""
    file = folder / "daily.json"
    layer = {
        "name": "Turns",
        "slots": [[p] for p in people],
        "anchor": day(0),
        "unit": "day",
        "tz": "UTC",
        **more,
    }
    file.write_text(json.dumps({"name": "Daily", "team_id": 1, "tz": "UTC", "layers": [layer]}))
    made = narrow(await run("oncall", "schedule", "create", "--file", str(file)))
    assert made.out.startswith("Daily (daily), UTC, version 1\n")
    return file


async def test_quiet_hours_are_set_shown_and_turned_off(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (_, run):
        assert (await run("oncall", "quiet", "--json")).json["hours"] is None
        hours = {"starts": "22:00", "ends": "07:00", "tz": "Europe/Stockholm"}
        assert (await run("oncall", "quiet", "22:00", "07:00", "--json")).json["hours"] == hours
        assert "22:00 to 07:00, Europe/Stockholm" in narrow(await run("oncall", "quiet")).out
        wrong = await run("oncall", "quiet", "22:00", "25:00", code=1)
        assert "22:00" in wrong.err
        assert "Pass the end too" in (await run("oncall", "quiet", "22:00", code=2)).err
        await run("oncall", "quiet", "--off")
        assert (await run("oncall", "quiet", "--json")).json["hours"] is None


async def test_a_schedule_is_a_file_that_is_shown_tried_and_saved(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        window = {"start": 22 * 60, "minutes": 600, "days": [0, 1, 2, 3, 4]}
        await daily(run, tmp_path, w.mara, w.jun)
        shown = narrow(await run("oncall", "schedule", "show", "daily"))
        assert "rotation: Mara Lindqvist, Jun Okafor" in shown.out
        file = tmp_path / "daily.json"
        schedule = (await run("oncall", "schedule", "show", "daily", "--json")).json
        file.write_text(json.dumps(schedule))
        same = await run("oncall", "schedule", "edit", "daily", "--file", str(file), "--dry-run")
        assert same.out == "No one's shifts change.\n"

        schedule["layers"][0]["slots"] = [[w.mara]]
        schedule["layers"].append(
            {"name": "Nights", "slots": [[w.jun]], "anchor": day(0), "tz": "UTC", "windows": [window]}
        )
        file.write_text(json.dumps(schedule))
        edit = ("oncall", "schedule", "edit", "daily", "--file", str(file))
        tried = narrow(await run(*edit, "--dry-run"))
        assert re.search(r"Jun Okafor +Mara Lindqvist", tried.out)
        assert "hours in 90 days" in tried.out
        assert (await run("oncall", "schedule", "show", "daily")).out == shown.out
        saved = await run(*edit, "--at", day(2))
        assert "active hours: 22:00 to 08:00 Mo Tu We Th Fr" in saved.out
        assert "changed since" in (await run(*edit, code=1)).err
        assert "daily" in narrow(await run("oncall", "schedule", "list")).out
        renamed = await run("oncall", "schedule", "rename", "daily", "Nightly")
        assert renamed.out == "Renamed daily to Nightly.\n"
        layer = (await run("oncall", "schedule", "show", "daily", "--json")).json["layers"][-1]["id"]
        joined = await run(
            *("oncall", "schedule", "join", "daily", "--user", str(w.mara), "--layer", str(layer)),
            *("--at", day(3)),
        )
        assert "rotation: Jun Okafor, Mara Lindqvist" in joined.out
        left = await run("oncall", "schedule", "leave", "daily", "--user", "jun@example.org", "--at", day(4))
        assert left.out.count("Jun Okafor") == 3
        assert (await run("oncall", "schedule", "delete", "daily")).out == "Deleted daily.\n"
        needed = await run("oncall", "schedule", "delete", "payments-primary", code=1)
        assert "Payments" in needed.err
        file.write_text("{")
        assert "is not JSON" in (await run(*edit, code=2)).err
        file.write_text("[]")
        assert "no list of layers" in (await run(*edit, code=2)).err


async def test_an_override_is_tried_before_it_is_made(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        await daily(run, tmp_path, w.mara, w.jun)
        hole = ("oncall", "override", "daily", "--nobody", "--from", day(1, 10), "--to", day(1, 12))
        tried = await run(*hole, "--dry-run")
        assert "new gap: " in tried.out
        assert "new warning S-GAP: No one is on call" in tried.out
        assert (await run("oncall", "overrides", "daily", "--json")).json == []


async def test_cover_swap_and_absence(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        await daily(run, tmp_path, w.mara, w.jun)
        jun = ("--user", "jun@example.org")
        assert (await run("oncall", "cover", "list", "--json")).json == []
        asked = await run("oncall", "cover", "ask", "daily", "--from", day(1), "--to", day(2), *jun)
        assert asked.out.startswith("Request 1: Jun Okafor on daily, ")
        assert "Jun Okafor" in narrow(await run("oncall", "cover", "list")).out
        await run("oncall", "cover", "decline", "1")
        taken = await run("oncall", "cover", "take", "1", "--to", day(1, 12))
        assert taken.out.endswith("taken by Mara Lindqvist.\n")
        number = taken.out.split(":")[0].removeprefix("Request ")
        stands = narrow(await run("oncall", "overrides", "daily"))
        assert "Mara Lindqvist for Jun Okafor" in stands.out
        assert "open" in (await run("oncall", "cover", "give-back", number)).out
        assert "withdrawn" in (await run("oncall", "cover", "withdraw", "1")).out

        swapped = await run(
            *(
                "oncall",
                "swap",
                "propose",
                "daily",
                "--from",
                day(3),
                "--to",
                day(4),
                *jun,
                "--with",
                str(w.mara),
            ),
            *("--their-from", day(4), "--their-to", day(5)),
        )
        assert swapped.out.startswith("Swap 1 on daily: Jun Okafor ")
        assert (await run("oncall", "swap", "list")).out == swapped.out
        assert "accepted" in (await run("oncall", "swap", "accept", "1")).out
        assert "is accepted" in (await run("oncall", "swap", "decline", "1", code=1)).err
        assert "is accepted" in (await run("oncall", "swap", "withdraw", "1", code=1)).err

        away = await run("oncall", "vacation", "add", "--from", day(7), "--to", day(11), *jun)
        assert re.fullmatch(r"Time off 1 of Jun Okafor: .+, \d shifts to cover\.\n", away.out)
        assert "Jun Okafor" in narrow(await run("oncall", "vacation", "list")).out
        await run("oncall", "vacation", "cancel", "1")
        assert (await run("oncall", "vacation", "list", "--json")).json == []


async def test_a_gap_and_an_error_end_with_1_for_a_pipeline(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        assert (await run("oncall", "gaps", "--days", "90")).out == "No gaps in the next 90 days.\n"
        await daily(run, tmp_path, w.mara, w.jun)
        hole = ("oncall", "override", "daily", "--from", day(60), "--to", day(61), "--nobody")
        assert "no one is on call on daily from" in (await run(*hole)).out
        await run("oncall", "gaps")
        assert "daily" in narrow(await run("oncall", "gaps", "--days", "90", code=1)).out
        # no one in this organization has verified a contact method yet
        findings = narrow(await run("oncall", "findings", "daily", code=1))
        assert re.search(r"daily +error +S-UNREACHABLE +Mara Lindqvist", findings.out)
        everywhere = await run("oncall", "findings", "--json", code=1)
        assert set(everywhere.json) == {"daily", "payments-primary", "payments-secondary"}
        also = ("oncall", "override", "daily", "--user", str(w.jun), "--kind", "add")
        assert "is also on call" in (await run(*also, "--from", day(2), "--to", day(3))).out


async def test_an_override_from_now_for_so_long_and_the_clock_of_an_answer(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        await daily(run, tmp_path, w.mara, w.jun)
        override = ("oncall", "override", "daily", "--user", str(w.jun))
        await run(*override, "--for", "1h30m")
        (made,) = (await run("oncall", "overrides", "daily", "--json")).json
        start, end = (datetime.fromisoformat(made[name]) for name in ("start", "end"))
        assert end - start == timedelta(minutes=90)
        assert abs(datetime.now(UTC) - start) < timedelta(minutes=1)
        begins, ends = override_presets.night(datetime.now(UTC), machine_zone().key)  # type: ignore[union-attr]
        added = (await run(*override, "--kind", "add", "--for", "tonight", "--json")).json["id"]
        listed = (await run("oncall", "overrides", "daily", "--json")).json
        (tonight,) = (each for each in listed if each["id"] == added)
        assert datetime.fromisoformat(tonight["end"]) == ends
        assert datetime.fromisoformat(tonight["start"]) - begins < timedelta(minutes=1)
        await run(*override, "--for", "weekend", "--from", day(1), code=2)
        for both in ((), ("--for", "1h", "--to", day(1))):
            assert "--for 2h" in (await run(*override, *both, code=2)).err
        assert re.search(
            r"\nAt 2099-12-24 20:00 [+-]\d{4}\.$",
            (await run("oncall", "who", "--at", "2099-12-24T20:00")).out,
        )
