"""Search on a real database: it finds everything, and reads no growing table as a whole."""

import json
from typing import Any

import asyncpg
import pytest

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.people import actions as people
from firebell.people.model import Role
from firebell.people.permissions import Rights
from firebell.postmortems import actions as postmortems
from firebell.search import run_search
from firebell.search.model import GroupName, Hit, Kind, Results
from tests.rules.test_search_terms import ODD
from tests.world import World, world

ADMIN, VIEWER = Rights(Role.ADMIN), Rights(Role.VIEWER)
GROWN = 20_000


def hits(results: Results) -> list[Hit]:
    """Return every hit, best first."""
    return [
        *([results.best] if results.best else []),
        *(hit for group in results.groups for hit in group.hits),
    ]


async def find(w: World, query: str, rights: Rights = ADMIN) -> set[tuple[Kind, str]]:
    """Return the kind and the title of each hit."""
    return {(hit.kind, hit.title) for hit in hits(await run_search.search(w.ctx, rights, query))}


async def test_search_finds_everything_by_any_word(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert("Ledger queue above 2,000")
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await people.create_person(
                tx, mara, name="Tomás Rivera", email="tom@example.org", role="responder", tz="UTC", now=w.now
            )
            await incidents.declare(tx, mara, title="Card payments fail", severity=1, now=w.now)
            await postmortems.start(tx, SYSTEM, 1, w.now)
        assert (Kind.PERSON, "Jun Okafor") in await find(w, "okaf")
        assert (Kind.PERSON, "Tomás Rivera") in await find(w, "RIVERA tomas")
        assert {(Kind.TEAM, "Payments"), (Kind.INCIDENT, "Card payments fail")} <= await find(w, "pay")
        assert (Kind.SERVICE, "Checkout") in await find(w, "checkout")
        assert {Kind.SCHEDULE, Kind.POLICY} <= {kind for kind, _ in await find(w, "payments")}
        assert (Kind.PAGE, "Ledger queue above 2,000") in await find(w, "queue ledger")
        assert Kind.POSTMORTEM in {kind for kind, _ in await find(w, "card payments")}
        assert Kind.RUNBOOK in {kind for kind, _ in await find(w, "failover")}
        assert Kind.CHAPTER in {kind for kind, _ in await find(w, "commander")}
        assert Kind.COMMAND in {kind for kind, _ in await find(w, "override")}
        assert await find(w, "xyzzy") == set()


async def test_an_identifier_is_the_best_match(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        async with w.ctx.db.tx() as tx:
            await incidents.declare(tx, await w.actor(w.mara), title="Down", severity=1, now=w.now)
        for query, path in (("INC-1", "/incidents/INC-1"), ("pg1", "/pages/PG-1")):
            best = (await run_search.search(w.ctx, ADMIN, query)).best
            assert best
            assert best.path == path
        assert await find(w, "INC-99") == set()


async def test_each_kind_is_described_by_what_matters_about_it(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert("Disk full")
        await w.ack(w.jun)
        async with w.ctx.db.tx() as tx:
            await incidents.declare(tx, await w.actor(w.mara), title="Disk lost", severity=2, now=w.now)

        async def one(query: str, kind: Kind) -> Hit:
            return next(h for h in hits(await run_search.search(w.ctx, ADMIN, query)) if h.kind is kind)

        assert (await one("mara", Kind.PERSON)).subtitle.split(" · ")[:2] == ["Admin", "Payments"]
        assert "on call now for Payments primary" in (await one("mara", Kind.PERSON)).subtitle
        assert (await one("disk", Kind.INCIDENT)).subtitle.split(" · ") == ["SEV2", "Declared"]
        assert (await one("disk", Kind.PAGE)).subtitle.split(" · ") == ["Acknowledged", "Checkout"]
        assert (await one("disk", Kind.PAGE)).state == "acked"
        assert "1 open page" in (await one("checkout", Kind.SERVICE)).subtitle
        assert "Mara Lindqvist on call now" in (await one("primary", Kind.SCHEDULE)).subtitle


async def test_search_hides_what_a_key_or_role_may_not_read(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert("Payments ledger")
        pages_only = Rights(Role.ADMIN, frozenset({"pages:read"}))
        assert {kind for kind, _ in await find(w, "pay", pages_only)} <= {
            *(Kind.PAGE, Kind.SERVICE, Kind.CHAPTER, Kind.COMMAND),
        }
        assert (Kind.COMMAND, "Page someone") not in await find(w, "page someone", VIEWER)
        addresses = [h.path for h in hits(await run_search.search(w.ctx, VIEWER, "jun"))]
        assert addresses
        assert not [path for path in addresses if path.startswith("/settings/people")]


async def test_someone_who_left_is_not_found(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            await tx.execute("update person set active = false where id = $1", w.jun)
        assert (Kind.PERSON, "Jun Okafor") not in await find(w, "jun")


async def test_nothing_that_is_typed_makes_search_fail(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        for query in ODD:
            await run_search.search(w.ctx, ADMIN, query)


@pytest.mark.parametrize(
    "title",
    [
        *(
            "x" * 9000,
            "é" * 5000,
            "ﷺ" * 10_000,
            "1e5 -12 a@b.c http://x/y?z=%20",
            "\u0301\u0301",
            "👩\u200d🚒 fire",
        ),
        " ".join(str(n) for n in range(3000)),
    ],
)
async def test_no_title_is_refused_by_the_search_index(db: Any, clock: FakeClock, title: str) -> None:
    async with db.tx() as tx:
        await tx.execute(
            """
            insert into page (subject_kind, subject_id, plan, title, urgency, state, triggered_at)
            values ('group', 1, '{}', $1, 'high', 'triggered', $2)
            """,
            title,
            clock.now(),
        )


async def test_a_database_of_another_encoding_can_be_searched_for_ascii(empty_dsn: str) -> None:
    admin = await asyncpg.connect(empty_dsn)
    name = "latin"
    try:
        await admin.execute(f"create database {name} encoding 'LATIN1' locale 'C' template template0")
        base, _, options = empty_dsn.partition("?")
        latin = await asyncpg.connect(f"{base.rpartition('/')[0]}/{name}?{options}")
        try:
            from firebell.kit.db.migrate import available

            script = next(m.sql for m in available() if m.version == 27)
            await latin.execute(script[: script.index("$migration$;") + len("$migration$;")])
            rank = await latin.fetchval(
                "select search_vector('Café: checkout-api') @@ to_tsquery('simple', $1)", "'check':*"
            )
            assert rank
        finally:
            await latin.close()
            await admin.execute(f"drop database {name}")
    finally:
        await admin.close()


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a node of a plan and all below it."""
    return [plan, *(below for part in plan.get("Plans", []) for below in nodes(part))]


async def test_a_search_of_a_grown_database_reads_no_pages_or_incidents_one_by_one(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            await tx.execute(
                f"""
                insert into page (subject_kind, subject_id, service_id, plan, title, urgency, state, triggered_at)
                select 'group', n + 1000, 1, '{{}}', 'Checkout 5xx above 5 %, rare' || n, 'high',
                    case when n % 1000 = 0 then 'acked' else 'resolved' end, $1
                from generate_series(1, {GROWN}) n
                """,
                w.now,
            )
            await tx.execute(
                f"""
                insert into incident (title, severity, max_severity, phase, detected_at, declared_at, severity_at)
                select 'Checkout 5xx, rare' || n, 2, 2,
                    case when n % 1000 = 0 then 'declared' else 'closed' end, $1, $1, $1
                from generate_series(1, {GROWN}) n
                """,
                w.now,
            )
        async with w.ctx.db.tx() as tx:
            await tx.execute("analyze page")
            await tx.execute("analyze incident")
        for query in ("rare17777", "checkout 5xx", "ch"):
            await _check_plans(w, monkeypatch, query)


async def _check_plans(w: World, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    asked: list[tuple[str, tuple[Any, ...]]] = []
    fetch = Tx.fetch

    async def recorded(tx: Tx, sql: str, *args: Any) -> Any:
        asked.append((sql, args))
        return await fetch(tx, sql, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Tx, "fetch", recorded)
        results = await run_search.search(w.ctx, ADMIN, query)
    assert results.best
    plans = []
    async with w.ctx.db.tx() as tx:
        await tx.execute("set local plan_cache_mode = force_custom_plan")
        for sql, args in asked:
            (plan,) = json.loads(await tx.value(f"explain (format json) {sql}", *args))
            plans += nodes(plan["Plan"])
    read = [n for n in plans if n.get("Relation Name") in ("page", "incident")]
    assert read
    assert [n for n in read if n["Node Type"] == "Seq Scan"] == []
    walked = [n for n in read if n.get("Index Name", "").endswith("_pkey")]
    assert [n for n in walked if "search_vector" in n.get("Filter", "")] == []
    if query == "rare17777":
        assert {"page_search", "incident_search"} <= {n.get("Index Name") for n in plans}


async def test_one_group_is_shown_whole(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            await tx.execute(
                """
                insert into page (subject_kind, subject_id, plan, title, urgency, state, triggered_at)
                select 'group', n + 100, '{}', 'Ledger ' || n, 'high', 'resolved', $1
                from generate_series(1, 8) n
                """,
                w.now,
            )
        few = await run_search.search(w.ctx, ADMIN, "ledger")
        assert [(len(g.hits), g.more) for g in few.groups if g.name is GroupName.INCIDENTS] == [(5, True)]
        whole = await run_search.search(w.ctx, ADMIN, "ledger", group=GroupName.INCIDENTS, limit=50)
        assert whole.best is None
        assert len(whole.groups[0].hits) == 8
        assert not whole.groups[0].more
