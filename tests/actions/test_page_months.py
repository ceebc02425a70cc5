"""Totals of months give the numbers of the facts, in any period and time zone, and after any change."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from firebell.kit.db.database import Db, Tx
from firebell.metrics import windows
from firebell.metrics.facts import store as fact_store
from firebell.metrics.figures import page_month_store, total_store
from firebell.metrics.model import PageFact, Scope

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
FIRST = datetime(2025, 10, 20, tzinfo=UTC)
ZONES = ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Stockholm", "America/St_Johns")
RULES = ("", "Errors", "Queue", "Disk")


def _random_pages(rng: random.Random, number: int) -> list[PageFact]:
    """Return pages that crowd around the ends of months, where a night and a month overlap."""
    pages = []
    for page_id in range(1, number + 1):
        at = FIRST + timedelta(seconds=rng.randrange(int((NOW - FIRST).total_seconds())))
        if rng.random() < 0.5:
            month_end = datetime(at.year, at.month, 1, tzinfo=UTC)
            at = max(FIRST, month_end + timedelta(hours=rng.randrange(-30, 30)))
        local = at.astimezone(ZoneInfo(rng.choice(ZONES)))
        is_night = local.hour >= 22 or local.hour < 7
        night = (local - timedelta(hours=7)).date() if is_night else None
        if night and rng.random() < 0.1:
            # a page that waited, snoozed perhaps, and called someone in a later night
            night += timedelta(days=rng.randrange(1, 40))
        pages.append(
            PageFact(
                id=page_id,
                team_id=1,
                service_id=1,
                rule=rng.choice(RULES),
                urgency=rng.choice(("high", "high", "high", "low")),
                severity=None,
                triggered_at=at,
                ack_s=60,
                censored_s=None,
                level=0,
                is_exhausted=False,
                is_noise=rng.random() < 0.3,
                vote=None,
                hour=local.weekday() * 24 + local.hour,
                night=night,
                woken=tuple(rng.sample((1, 2, 3), rng.randrange(1, 3))) if night else (),
                excluded=None,
            )
        )
    return pages


def _slow(pages: Sequence[PageFact], start: datetime, end: datetime) -> tuple[object, ...]:
    """Return the totals of a period, one page after the other."""
    counted = [p for p in pages if p.urgency == "high" and start <= p.triggered_at < end]
    hours = {
        hour: (len(own), sum(p.night is not None for p in own))
        for hour in {p.hour for p in counted}
        if (own := [p for p in counted if p.hour == hour])
    }
    rules = {
        (rule, len(own), sum(p.night is not None for p in own), sum(p.is_noise for p in own))
        for rule in {p.rule for p in counted} - {""}
        if (own := [p for p in counted if p.rule == rule])
    }
    nights = Counter(Counter((who, p.night) for p in counted for who in p.woken).values())
    return hours, rules, sum(p.is_noise for p in counted), dict(nights)


async def _totals(tx: Tx, scope: Scope) -> tuple[object, ...]:
    totals = await total_store.pages_by_hour_and_rule(tx, scope)
    rules = {(rule.rule, rule.pages, rule.nights, rule.noise) for rule in totals.rules}
    return totals.hours, rules, totals.noise, await total_store.nights(tx, scope)


async def _roll_up(tx: Tx) -> int:
    months = 0
    while (month := await page_month_store.next_missing(tx, NOW)) is not None:
        await page_month_store.save(tx, month)
        months += 1
    return months


async def test_months_give_the_numbers_of_a_slow_fold(db: Db) -> None:
    rng = random.Random(17)  # noqa: S311 - the same pages in every run
    pages = _random_pages(rng, 700)
    scopes = [
        Scope(windows.between(first, first + timedelta(days=rng.randrange(200)), rng.choice(ZONES)), NOW)
        for first in (date(2025, 10, 1) + timedelta(days=rng.randrange(400)) for _ in range(25))
    ]
    scopes += [
        Scope(windows.preset(period, NOW, zone), NOW) for period in ("quarter", "1y", "5y") for zone in ZONES
    ]
    async with db.tx() as tx:
        await fact_store.save_pages(tx, pages)

        async def agree() -> None:
            for scope in scopes:
                expected = _slow(pages, scope.window.start, scope.window.end)
                assert await _totals(tx, scope) == expected, scope.window
                before = _slow(pages, *scope.window.before)[3]
                assert await total_store.nights(tx, scope, before=True) == before, scope.window

        await agree()
        assert await _roll_up(tx) == 13, "October 2025 to October 2026"
        await agree()

        # a page of a month that has totals changes: its month is counted from the facts, then again by its totals
        pages[5] = replace(pages[5], is_noise=not pages[5].is_noise, rule="Disk", urgency="high")
        assert await fact_store.save_pages(tx, pages[5:6]) == 1
        await agree()
        assert await _roll_up(tx) == 1
        await agree()
        assert await fact_store.save_pages(tx, pages[:10]) == 0
        assert await _roll_up(tx) == 0, "what stays the same deletes no totals"

        # a page of a month that has totals turns out to have called someone in a night of the next month
        urgent = [(n, p) for n, p in enumerate(pages) if p.urgency == "high"]
        other = next(p for _, p in urgent if p.night and date(2026, 6, 2) <= p.night <= date(2026, 6, 28))
        number = next(n for n, p in urgent if p.triggered_at.month == 5)
        pages[number] = replace(pages[number], night=other.night, woken=other.woken)
        assert await fact_store.save_pages(tx, pages[number : number + 1]) == 1
        await agree()
        assert await _roll_up(tx) == 2, "May, and the night of June"
        await agree()

        # retention deletes the oldest facts
        before = datetime(2026, 1, 10, tzinfo=UTC)
        await fact_store.delete_page_facts(tx, before, 10_000)
        pages[:] = [page for page in pages if page.triggered_at >= before]
        await agree()
        assert await _roll_up(tx) == 1, "January"
        await agree()

        # also some of the first day of a month
        before = datetime(2026, 2, 1, 12, tzinfo=UTC)
        await fact_store.delete_page_facts(tx, before, 10_000)
        pages[:] = [page for page in pages if page.triggered_at >= before]
        await agree()
