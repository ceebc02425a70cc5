"""Handoffs, workload and pay on the command line."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firebell.handoffs import actions as handoffs
from firebell.kit.clock import FakeClock
from firebell.oncall.schedules import queries as oncall
from tests.cli.terminal import Terminal, at_a_server
from tests.world import World


@pytest.fixture
async def house(dsn: str, clock: FakeClock, tmp_path: Path) -> AsyncIterator[tuple[World, Terminal]]:
    async with at_a_server(dsn, clock, tmp_path) as worlds:
        yield worlds


async def test_a_handoff_is_read_and_acknowledged(house: tuple[World, Terminal]) -> None:
    w, run = house
    refused = await run("oncall", "handoff", "show", "payments-primary", code=1)
    assert "payments-primary has no handoff yet." in refused.err
    async with w.ctx.db.tx() as tx:
        schedule = await oncall.by_slug(tx, "payments-primary")
        change = handoffs.next_change(schedule, w.now)
        assert change
        await handoffs.draft_change(tx, schedule, change, w.now)
    listed = await run("oncall", "handoff", "list")
    assert f"payments-primary  {change.day}" in listed.out
    assert "open" in listed.out
    shown = await run("oncall", "handoff", "show", "payments-primary")
    assert shown.out.startswith("# Handoff: Payments primary, ")
    done = await run("oncall", "handoff", "ack", "payments-primary", "--day", str(change.day))
    assert "Waiting for Jun Okafor." in done.out
    assert (await run("oncall", "handoff", "show", "payments-primary", "--json")).json[
        "acknowledged"
    ] is False
    wrong = await run("oncall", "handoff", "ack", "payments-primary", "--day", "soon", code=1)
    assert "Enter a date such as 2026-11-30." in wrong.err


def _month(ahead: int) -> str:
    """Return the month that is this many months ahead of the present one."""
    now = datetime.now(UTC)
    year, month = divmod(now.year * 12 + now.month - 1 + ahead, 12)
    return f"{year}-{month + 1:02}"


async def test_the_month_is_printed_and_written_to_a_file(
    house: tuple[World, Terminal], tmp_path: Path
) -> None:
    _, run = house
    # the served process reads the real clock
    two_before, last, this, ahead_month = (_month(n) for n in (-2, -1, 0, 2))
    rates = await run("oncall", "rates", "--currency", "sek", "--night", "7.50", "--country", "se")
    assert "night hour    7.50  SEK" in rates.out
    assert "Public holidays: SE." in rates.out
    kept = await run("oncall", "rates", "--weekend", "9")
    assert "night hour    7.50  SEK" in kept.out
    assert f"Valid from {this}. Set by Mara Lindqvist" in kept.out
    ahead = await run("oncall", "rates", "--night", "8", "--month", ahead_month)
    assert f"Valid from {ahead_month}." in ahead.out
    assert "night hour    7.50  SEK" in (await run("oncall", "rates")).out
    assert f"until {ahead_month}." in (await run("oncall", "rates")).out
    assert "No rates are set for this month" in (await run("oncall", "rates", "--month", "2025-01")).out
    late = ("oncall", "rates", "--night", "9", "--month", two_before)
    assert f"would change the pay of {two_before} to {last}" in (await run(*late, code=1)).err
    await run(*late, "--past")
    listed = (await run("oncall", "rates", "--all")).out.splitlines()
    assert [line.split()[:2] for line in listed[1:]] == [
        [ahead_month, "-"],
        [this, ahead_month],
        [this, "replaced"],
        [two_before, this],
    ]
    await run("oncall", "rates", "--all", "--night", "1", code=2)
    assert "Mara Lindqvist" in (await run("oncall", "report", "--month", this)).out
    file = tmp_path / "month.csv"
    done = await run("oncall", "report", "--month", this, "--csv", "--bom", "--output", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert done.out == ""
    assert file.read_bytes().startswith(b"\xef\xbb\xbfmonth,person,email,")
    printed = await run("oncall", "report", "--month", this, "--csv")
    assert printed.out.replace("\r", "").startswith("month,person,email,")
    await run("oncall", "report", "--month", "2026-13", code=1)
    await run("oncall", "report", "--bom", code=2)
    await run("oncall", "report", "--csv", "--json", code=2)
    await run("oncall", "rates", "--night", "much", code=1)
    empty = await run("oncall", "report", "--month", "2020-01", "--json")
    assert empty.json["people"] == []


async def test_who_could_cover_is_listed(house: tuple[World, Terminal]) -> None:
    _, run = house
    span = ("--from", "2026-12-24T18:00Z", "--to", "2026-12-25T09:00Z")
    assert (await run("oncall", "free", "payments-primary", *span, "--json")).json == []


async def test_the_notice_before_a_shift_is_shown_and_set(house: tuple[World, Terminal]) -> None:
    _, run = house
    shown = await run("oncall", "handoff", "notice")
    assert "24 hours before" in shown.out
    done = await run("oncall", "handoff", "notice", "--hours", "1")
    assert "1 hour before" in done.out
    assert (await run("oncall", "handoff", "notice", "--json")).json == {"hours": 1}
    wrong = await run("oncall", "handoff", "notice", "--hours", "0", code=2)
    assert "1<=x<=168" in wrong.err
