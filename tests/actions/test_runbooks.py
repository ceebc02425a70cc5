"""The runbook library on a real database: default until replaced, removed and restored, never lost in a race."""

import asyncio
from datetime import date, timedelta

import pytest

from firebell.kit import handbook_files
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Db
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.people import actions as people
from firebell.runbooks import actions
from firebell.runbooks.actions import LibraryChange
from firebell.runbooks.model import LibraryRunbook
from firebell.runbooks.runbook_html import FOLDER
from tests.rules.test_runbooks import GOOD

ACTOR = Actor("system", "Test")
SHIPPED = [
    "bad-release",
    "cache-invalidation",
    "certificate-expired",
    "database-failover",
    "ddos-mitigation",
]


async def slugs(db: Db) -> list[str]:
    """Return the library by slug."""
    async with db.tx() as tx:
        return [r.slug for r in await actions.library(tx)]


async def one(db: Db, slug: str) -> LibraryRunbook:
    """Return a runbook."""
    async with db.tx() as tx:
        return await actions.runbook(tx, slug)


async def save(db: Db, clock: FakeClock, slug: str, body: str = GOOD, **more: object) -> LibraryChange:
    """Keep a text."""
    async with db.tx() as tx:
        return await actions.save(tx, ACTOR, slug, body, clock.now(), **more)  # type: ignore[arg-type]


async def test_a_new_install_has_the_shipped_runbooks(db: Db) -> None:
    assert await slugs(db) == SHIPPED
    runbook = await one(db, "database-failover")
    assert runbook.body == handbook_files.skill(f"{FOLDER}/database-failover.md")
    assert (runbook.own, runbook.shipped, runbook.version, runbook.updated_by) == (False, True, 0, "")


async def test_an_own_runbook_replaces_the_default_one_until_it_is_reset(db: Db, clock: FakeClock) -> None:
    assert await save(db, clock, "database-failover", source="ops/failover.md") is LibraryChange.CHANGED
    runbook = await one(db, "database-failover")
    assert (runbook.body, runbook.source, runbook.version) == (GOOD, "ops/failover.md", 1)
    assert (runbook.own, runbook.shipped, runbook.updated_at, runbook.updated_by) == (
        True,
        True,
        clock.now(),
        "Test",
    )
    assert await slugs(db) == SHIPPED
    async with db.tx() as tx:
        back = await actions.restore(tx, ACTOR, "database-failover", clock.now())
        assert not back.own
        with pytest.raises(NotFound, match="No runbook mine comes with Firebell"):
            await actions.restore(tx, ACTOR, "mine", clock.now())


async def test_a_default_runbook_is_removed_and_restored(db: Db, clock: FakeClock) -> None:
    async with db.tx() as tx:
        await actions.remove(tx, ACTOR, "ddos-mitigation", clock.now())
        assert await actions.hidden_slugs(tx) == ["ddos-mitigation"]
    assert await slugs(db) == SHIPPED[:-1]
    with pytest.raises(NotFound) as gone:
        await one(db, "ddos-mitigation")
    assert "cache-invalidation" in gone.value.hint
    assert await save(db, clock, "ddos-mitigation") is LibraryChange.CREATED
    async with db.tx() as tx:
        await actions.remove(tx, ACTOR, "ddos-mitigation", clock.now())
        await actions.restore(tx, ACTOR, "ddos-mitigation", clock.now())
        assert await actions.hidden_slugs(tx) == []
    assert await slugs(db) == SHIPPED


async def test_the_audit_log_records_each_change_of_an_own_runbook(db: Db, clock: FakeClock) -> None:
    assert await save(db, clock, "payments-failover", dry_run=True) is LibraryChange.CREATED
    assert await slugs(db) == SHIPPED
    assert await save(db, clock, "payments-failover") is LibraryChange.CREATED
    assert (
        await save(db, clock, "payments-failover", GOOD.replace("\n", "\r\n") + "\n \n")
        is LibraryChange.UNCHANGED
    )
    assert await save(db, clock, "payments-failover", source="a.md") is LibraryChange.CHANGED
    assert (await one(db, "payments-failover")).version == 2
    async with db.tx() as tx:
        await actions.remove(tx, ACTOR, "payments-failover", clock.now())
        log = await tx.fetch(
            "select action, detail from audit where subject like 'runbook:%' order by id desc"
        )
    assert [entry["action"] for entry in log] == ["runbook.removed", "runbook.changed", "runbook.created"]
    assert log[1]["detail"] == {"source": "a.md"}
    assert await slugs(db) == SHIPPED


async def test_a_save_never_overwrites_an_unseen_change(db: Db, clock: FakeClock) -> None:
    await save(db, clock, "payments-failover", version=0)
    with pytest.raises(Conflict):
        await save(db, clock, "payments-failover", GOOD + "\nMine.", version=0)
    with pytest.raises(Conflict):
        await save(db, clock, "database-failover", version=1)
    assert (await one(db, "payments-failover")).body == GOOD

    async def race(n: int) -> bool:
        try:
            await save(db, clock, "payments-failover", f"{GOOD}\nText {n}.", version=1)
        except Conflict:
            return False
        return True

    assert sum(await asyncio.gather(*(race(n) for n in range(5)))) == 1


@pytest.mark.parametrize(
    ("slug", "body", "field"),
    [
        ("new", GOOD, "slug"),
        ("Payments Failover", GOOD, "slug"),
        ("", GOOD, "slug"),
        ("ok", " \n", "body"),
        ("ok", "x" * 200_001, "body"),
    ],
)
async def test_a_bad_address_or_text_is_refused(
    db: Db, clock: FakeClock, slug: str, body: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await save(db, clock, slug, body)
    assert list(refused.value.fields) == [field]


async def test_a_runbooks_owner_must_be_a_team_with_members(db: Db, clock: FakeClock) -> None:
    await save(db, clock, "payments-failover")

    async def ids() -> list[str]:
        async with db.tx() as tx:
            stored = [await actions.runbook(tx, "payments-failover")]
            parsed = await actions.parsed_texts(stored)
            findings = await actions.findings(tx, stored, parsed, {}, clock.now())
            return [f.id for f in findings["payments-failover"]]

    assert await ids() == ["R-LINK", "R-OWNER"]
    async with db.tx() as tx:
        person = await people.create_person(
            tx,
            ACTOR,
            name="Priya",
            email="priya@example.org",
            role="responder",
            tz="UTC",
            now=clock.now(),
        )
        team = await people.create_team(tx, ACTOR, name="Payments", members=[], now=clock.now())
    assert await ids() == ["R-LINK", "R-OWNER"], "a team without members owns nothing"
    async with db.tx() as tx:
        await people.set_team_members(
            tx, ACTOR, team_id=team.id, members=[(person.id, "member")], now=clock.now()
        )
    assert await ids() == ["R-LINK"]
    await save(db, clock, "other")
    assert await ids() == [], "the link leads to a runbook of the library"
    await save(db, clock, "payments-failover", GOOD.replace("other.md", "../docs/x.md"))
    assert await ids() == ["R-LINK"]
    await save(db, clock, "payments-failover", GOOD.replace("other.md", "../docs/x.md"), source="ops/a.md")
    assert await ids() == [], "links of a repository are followed there"
    clock.advance(date(2027, 2, 12) - clock.now().date())
    assert await ids() == ["R-STALE"]
    clock.advance(timedelta(days=181))
    assert await ids() == ["R-STALE", "R-UNTESTED"], "it had 180 days to be exercised"
