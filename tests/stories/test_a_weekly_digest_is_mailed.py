"""Story: a week ends, its digest is mailed once to each reader, and one click stops it."""

from datetime import UTC, datetime, timedelta

import pytest

from firebell.digests import actions, queries, schedule
from firebell.digests.model import Digest, Week
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentType
from firebell.kit import private_reader
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.kit.errors import Forbidden
from firebell.people import actions as people
from firebell.people.model import Team
from tests.api.api_clients import browser
from tests.stories.test_emails import heading, mailed, part

MONDAY = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)


async def test_readers_get_the_week_once_without_what_is_private_to_others(
    dsn: str, clock: FakeClock
) -> None:
    async with mailed(dsn, clock) as (w, box), browser(w) as http:
        mara, jun = await w.actor(w.mara), await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            [team] = await people.teams(tx)
            for title, kind in (("Search is slow", None), ("Bucket is public", IncidentType.DATA_PROTECTION)):
                one = await incidents.declare(
                    tx, mara, title=title, severity=2, service_ids=[w.service], now=w.now
                )
                if kind:
                    await incidents.set_type(tx, mara, one.id, kind, w.now, private=True)
            await actions.choose_digest(tx, mara, w.mara, None, w.now, is_on=True)
            await actions.set_team_digest(tx, mara, team, w.now, is_on=True)
            await actions.choose_digest(tx, mara, w.mara, team, w.now, is_on=False)
        async with w.ctx.db.tx() as tx:
            try:
                await actions.set_team_digest(tx, jun, team, w.now, is_on=False)
                raise AssertionError
            except Forbidden:
                pass
        await w.settle()
        box.raw.clear()
        box.recipients.clear()
        clock.set(MONDAY - timedelta(minutes=1))
        await w.settle()
        assert [mail for mail in box.mails if mail["List-Unsubscribe"]] == []
        clock.set(MONDAY)
        await w.settle()
        # one is written at a time, so that no page waits for more
        assert len([mail for mail in box.mails if mail["List-Unsubscribe"]]) == 1
        clock.set(MONDAY + timedelta(seconds=1))
        await w.settle()
        await w.settle()
        digests = {
            to[0]: mail
            for to, mail in zip(box.recipients, box.mails, strict=True)
            if mail["List-Unsubscribe"]
        }
        assert set(digests) == {"mara@example.org", "jun@example.org"}
        assert "Search is slow" in part(digests["jun@example.org"], "text/plain")
        assert "Bucket is public" in part(digests["mara@example.org"], "text/plain")
        assert "Bucket is public" not in part(digests["jun@example.org"], "text/plain")
        assert "Payments" in heading(digests["jun@example.org"])
        assert digests["jun@example.org"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

        # a mail scanner opens the link, which changes nothing; a mail program posts to it from elsewhere
        link = digests["jun@example.org"]["List-Unsubscribe"].strip("<>")
        path = link.removeprefix(w.ctx.public_url)
        assert (await http.get(path)).status_code == 200
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from digest_choice where not is_on") == 1
        posted = await http.post(
            path, data={"List-Unsubscribe": "One-Click"}, headers={"Sec-Fetch-Site": "cross-site"}
        )
        assert posted.status_code == 200
        assert (await http.post("/u/digest/forged", data={})).status_code == 422
        sent = len([mail for mail in box.mails if mail["List-Unsubscribe"]])
        assert sent == 2
        clock.set(MONDAY + timedelta(days=7))
        await w.settle()
        later = [
            to[0] for to, mail in zip(box.recipients, box.mails, strict=True) if mail["List-Unsubscribe"]
        ][sent:]
        assert later == ["mara@example.org"]

        # what became private after it was written, but before it was sent, is not told
        async with w.ctx.db.tx() as tx:
            [first] = [
                row["id"] for row in await tx.fetch("select id from incident where title = 'Search is slow'")
            ]
            await incidents.set_type(tx, mara, first, IncidentType.DATA_PROTECTION, w.now, private=True)
            await tx.execute(
                """
                update delivery
                set state = 'queued', send_at = $1
                where subject_kind = 'weekly_digest'
                    and person_id = $2
                """,
                w.now,
                w.jun,
            )
        await w.settle()
        assert "Search is slow" not in part(box.mails[-1], "text/plain")


async def test_a_choice_delays_no_digest_that_is_still_to_be_written(dsn: str, clock: FakeClock) -> None:
    async with mailed(dsn, clock) as (w, box):
        mara, jun = await w.actor(w.mara), await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            for actor, person in ((mara, w.mara), (jun, w.jun)):
                await actions.choose_digest(tx, actor, person, None, w.now, is_on=True)
        clock.set(MONDAY)
        async with w.ctx.db.tx() as tx:
            await actions.send_due(tx, w.now)
        # the first one has their mail and stops the next ones, while the second one waits
        clock.set(MONDAY + timedelta(milliseconds=500))
        async with w.ctx.db.tx() as tx:
            [first] = [row["person_id"] for row in await tx.fetch("select person_id from weekly_digest")]
            actor = mara if first == w.mara else jun
            await actions.choose_digest(tx, actor, first, None, w.now, is_on=False)
        clock.set(MONDAY + timedelta(seconds=2))
        await w.settle()
        sent = [to[0] for to, mail in zip(box.recipients, box.mails, strict=True) if mail["List-Unsubscribe"]]
        assert sorted(sent) == ["jun@example.org", "mara@example.org"]


async def test_a_digest_counts_only_declared_incidents(dsn: str, clock: FakeClock) -> None:
    async with mailed(dsn, clock) as (w, _):
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            first, second = [
                await incidents.declare(tx, mara, title=title, severity=2, service_ids=[w.service], now=w.now)
                for title in ("Checkout is down", "Payments are slow")
            ]
            await incidents.merge(tx, mara, second.id, first.id, w.now)
            await incidents.report(tx, mara, title="Something is odd", service_ids=[w.service], now=w.now)
            week = schedule.parse_week("2026-W48", w.now, "UTC")
            facts = await queries.load_facts(tx, week, None, w.now)
        assert [one.title for one in facts.incidents] == ["Checkout is down"]


async def test_a_busy_organization_hides_no_incident_from_the_digest_of_a_team(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with mailed(dsn, clock) as (w, _):
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            [team] = await people.teams(tx)
            for number in range(6):
                await incidents.declare(
                    tx,
                    mara,
                    title=f"Number {number}",
                    severity=3,
                    service_ids=[w.service] if number in (0, 3) else [],
                    now=w.now,
                )
            week = schedule.parse_week("2026-W48", w.now, "UTC")
            monkeypatch.setattr(queries, "READ_AT_MOST", 2)
            digest = await queries.digest(tx, week, team, w.now)
            everything = await queries.digest(tx, week, None, w.now)
        assert [line.incident_id for line in digest.sections[0].lines] == [1, 4]
        assert everything.sections[0].count == 6


async def test_a_digest_that_cannot_be_written_does_not_block_others(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = queries.digest

    async def fail_for_managers(tx: Tx, week: Week, team: Team | None, now: datetime) -> Digest:
        if private_reader.reader() is None:
            raise KeyError("what no one thought of")
        return await write(tx, week, team, now)

    monkeypatch.setattr(queries, "digest", fail_for_managers)
    async with mailed(dsn, clock) as (w, box):
        async with w.ctx.db.tx() as tx:
            for person in (w.mara, w.jun):
                await actions.choose_digest(tx, await w.actor(person), person, None, w.now, is_on=True)
        clock.set(MONDAY)
        await w.settle()
        clock.set(MONDAY + timedelta(seconds=2))
        await w.settle()
        sent = [to[0] for to, mail in zip(box.recipients, box.mails, strict=True) if mail["List-Unsubscribe"]]
        assert sent == ["jun@example.org"]
