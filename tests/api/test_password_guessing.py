"""Guessing passwords is slow, and never locks out a known browser of the person on call."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from firebell.kit.clock import FakeClock
from firebell.people.audit_log import store as audit_store
from firebell.people.sign_in import limit_store as sign_in_limit_store
from firebell.people.sign_in.limits import BUDGETS, BURST_ENDS_AFTER, Scope
from tests.api.api_clients import browser
from tests.world import ANSWERS, World, world

ACCOUNT, ADDRESS, DEVICE = BUDGETS[Scope.ACCOUNT], BUDGETS[Scope.ADDRESS], BUDGETS[Scope.DEVICE]


async def attempt(
    http: httpx.AsyncClient, password: str = ANSWERS.password, email: str = ANSWERS.email
) -> int:
    answer = await http.post("/login", data={"email": email, "password": password})
    return int(answer.status_code)


async def guess_from(w: World, addresses: range, email: str = ANSWERS.email) -> list[int]:
    """Guess once from each address of a botnet, and return the statuses."""
    codes = []
    for number in addresses:
        async with browser(w, f"198.51.{number // 250}.{number % 250 + 1}") as stranger:
            codes.append(await attempt(stranger, "wrong", email))
    return codes


async def audit_of(w: World, prefix: str) -> list[tuple[str, str, dict[str, Any]]]:
    async with w.ctx.db.tx() as tx:
        rows = (await audit_store.audit_entries(tx, None, 500))[::-1]
    return [(r["action"], r["subject"], r["detail"]) for r in rows if r["action"].startswith(prefix)]


async def test_one_account_cannot_be_guessed_from_many_addresses(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        codes = await guess_from(w, range(60))
        assert codes == [422] * ACCOUNT.burst + [429] * (60 - ACCOUNT.burst)
        clock.advance(ACCOUNT.refill)
        assert await guess_from(w, range(60, 63)) == [422, 429, 429]


async def test_guesses_at_the_same_time_all_count(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        codes = await asyncio.gather(*[attempt(http, "wrong") for _ in range(2 * ACCOUNT.burst)])
        assert sorted(codes) == [422] * ACCOUNT.burst + [429] * ACCOUNT.burst


async def test_a_known_browser_signs_in_while_a_stranger_guesses(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as known, browser(w) as fresh:
        assert await attempt(known) == 303
        del known.cookies["firebell_session"]
        assert 429 in await guess_from(w, range(ACCOUNT.burst + 1))
        assert await attempt(fresh) == 429
        assert await attempt(known) == 303


async def test_behind_one_address_a_stranger_locks_no_known_browser_out(dsn: str, clock: FakeClock) -> None:
    async with (
        world(dsn, clock) as w,
        browser(w, "172.18.0.3") as known,
        browser(w, "172.18.0.3") as stranger,
    ):
        assert await attempt(known) == 303
        codes = [await attempt(stranger, "wrong", f"{n}@example.org") for n in range(ADDRESS.burst + 1)]
        assert codes[-2:] == [422, 429]
        assert await attempt(stranger, email="jun@example.org") == 429
        assert await attempt(known) == 303
        clock.advance(ADDRESS.refill)
        assert await attempt(stranger) == 303


async def test_a_stolen_browser_has_a_budget_too_and_its_owner_clears_it(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as known:
        assert await attempt(known) == 303
        codes = [await attempt(known, "wrong") for _ in range(DEVICE.burst + 1)]
        assert codes[-2:] == [422, 429]
        assert await attempt(known) == 429
        clock.advance(DEVICE.refill)
        assert await attempt(known) == 303
        assert [await attempt(known, "wrong") for _ in range(DEVICE.burst)] == [422] * DEVICE.burst


async def test_a_browser_is_known_for_its_own_people_alone(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as known:
        assert await attempt(known) == 303
        assert 429 in await guess_from(w, range(ACCOUNT.burst + 1), "jun@example.org")
        assert await attempt(known, "wrong", "jun@example.org") == 429


async def test_only_failures_count(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        for _ in range(3 * ACCOUNT.burst):
            async with browser(w) as fresh:
                assert await attempt(fresh) == 303
        async with browser(w) as fresh:
            assert await attempt(fresh, "wrong") == 422


async def test_processes_share_the_counts_of_failed_sign_ins(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await guess_from(w, range(ACCOUNT.burst))
        async with browser(w, "203.0.113.9") as other_process:
            assert await attempt(other_process, "wrong") == 429
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from sign_in_limit where scope = 'account'") == 1


async def test_what_is_counted_is_forgotten(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await guess_from(w, range(20))
        clock.advance(ACCOUNT.refill_time + BURST_ENDS_AFTER + timedelta(minutes=1))
        await guess_from(w, range(20, 21))
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from sign_in_limit") == 2


async def test_a_burst_of_failures_is_audited_a_few_times(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await guess_from(w, range(30))
        assert await audit_of(w, "sign_in.") == [
            ("sign_in.failed", f"person:{w.mara}", {"failures": 1}),
            ("sign_in.failed", f"person:{w.mara}", {"failures": 10}),
            ("sign_in.limited", f"person:{w.mara}", {"refusals": 1, "by": "account"}),
            ("sign_in.limited", f"person:{w.mara}", {"refusals": 10, "by": "account"}),
        ]


async def test_accounts_that_do_not_exist_do_not_fill_the_audit_log(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        for number in range(12):
            await attempt(http, "wrong", f"{number}@example.org")
        assert [detail["failures"] for _, _, detail in await audit_of(w, "sign_in.unknown")] == [1, 10]


async def test_an_unknown_account_is_limited_as_a_known_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        assert await guess_from(w, range(15)) == await guess_from(w, range(15, 30), "nobody@example.org")


async def test_a_proxy_that_is_not_trusted_is_logged_once_an_hour(
    dsn: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(dsn, clock) as w, browser(w, "172.18.0.3") as http:
        http.headers["x-forwarded-for"] = "203.0.113.9"
        for _ in range(3):
            await attempt(http)
        clock.advance(timedelta(hours=1))
        await attempt(http)
    warnings = [record for record in caplog.records if record.message == "untrusted_proxy"]
    assert len(warnings) == 2


async def test_no_budget_is_ever_exceeded(dsn: str, clock: FakeClock) -> None:
    """The statement in the database takes exactly what a bucket of three, one more a minute, would give."""
    async with world(dsn, clock) as w:
        taken, left, at = [], 3.0, w.now
        for step in (0, 0, 30, 0, 1, 61, 0, 0, 200, 0, 0, 0, 0, 10, 59, 60, 0):
            clock.advance(timedelta(seconds=step))
            async with w.ctx.db.tx() as tx:
                number = await sign_in_limit_store.spend(
                    tx, "account", b"x", timedelta(minutes=1), timedelta(minutes=3), timedelta(hours=1), w.now
                )
            left, at = min(3.0, left + (w.now - at) / timedelta(minutes=1)), w.now
            assert (number is not None) == (left >= 1)
            if number is not None:
                taken.append(w.now)
                left -= 1
        assert len(taken) == 9
