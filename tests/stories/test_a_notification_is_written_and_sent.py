"""A notification is drafted from facts, reviewed, signed and sent in parts; Firebell sends none itself."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.people import actions as people
from firebell.regulatory import actions, queries
from firebell.regulatory.drafts import actions as draft_actions
from firebell.regulatory.drafts import queries as draft_queries
from firebell.regulatory.drafts.model import Draft, DraftState
from firebell.regulatory.drafts.queries import DraftView
from firebell.regulatory.model import Answer, State
from tests.api.api_clients import TEST
from tests.world import World, world

REF = "GDPR-33"


class Desk:
    """Two people with an incident whose personal data was breached."""

    def __init__(self, w: World, other: int) -> None:
        self.w, self.other = w, other

    async def do(self, action: Any, *args: Any, by: int = 0, **more: Any) -> Draft:
        """Run an action on drafts of the incident as Mara, or as someone else."""
        actor = await self.w.actor(by or self.w.mara)
        async with self.w.ctx.db.tx() as tx:
            draft: Draft = await action(tx, actor, 1, *args, now=self.w.now, **more)
        return draft

    async def view(self, draft: Draft) -> DraftView:
        """Return a draft as Mara sees it."""
        actor = await self.w.actor(self.w.mara)
        async with self.w.ctx.db.tx() as tx:
            return await draft_queries.draft_view(tx, actor, 1, draft.id, self.w.now)

    async def state(self, obligation: str = REF) -> State:
        """Return the state of a clock."""
        async with self.w.ctx.db.tx() as tx:
            (one,) = await queries.clocks_of(tx, [await incidents.incident(tx, 1)], self.w.now)
        return draft_queries.clock_of(one, obligation).state

    async def record(self, fact: str, answer: Answer = Answer.YES, reason: str = "") -> None:
        """Record a fact as Mara."""
        actor = await self.w.actor(self.w.mara)
        async with self.w.ctx.db.tx() as tx:
            await actions.record_fact(tx, actor, 1, fact, answer, self.w.now, reason=reason)


async def test_a_notification_is_filled_reviewed_signed_and_sent_in_phases(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            ewa = await people.create_person(
                tx, TEST, name="Ewa", email="ewa@example.org", role="manager", tz="UTC", now=w.now
            )
            await incidents.declare(tx, mara, title="Customer data copied", severity=1, now=w.now)
        desk = Desk(w, ewa.id)
        await desk.record("personal_data")
        draft = await desk.do(draft_actions.open_draft, REF)
        assert await desk.do(draft_actions.open_draft, REF, by=ewa.id) == draft
        with pytest.raises(NotFound):
            await desk.do(draft_actions.open_draft, "PCI")

        # people write what no fact fills, each once, and never over someone else's text
        texts = {"consequences": "Phishing", "contact": "dpo@example.org"}
        draft = await desk.do(draft_actions.answer_fields, draft.id, texts, draft.version)
        assert await desk.do(draft_actions.answer_fields, draft.id, texts, 1) == draft
        with pytest.raises(Conflict):
            await desk.do(draft_actions.answer_fields, draft.id, {"contact": "Ewa"}, 1, by=ewa.id)
        with pytest.raises(Invalid):
            await desk.do(draft_actions.answer_fields, draft.id, {"nothing": "x"}, None)
        assert {one.field.id for one in (await desk.view(draft)).missing} >= {"records"}

        # the author does not review, and nothing is sent before it is signed
        with pytest.raises(Conflict):
            await desk.do(draft_actions.review, draft.id)
        with pytest.raises(Conflict):
            await desk.do(draft_actions.record_sent, draft.id, at=None, channel="Form", receipt="")
        draft = await desk.do(draft_actions.review, draft.id, by=ewa.id)
        assert draft.state is DraftState.REVIEWED

        # a fact that changes after the review asks for another one
        clock.advance(timedelta(hours=1))
        await desk.record("aware")
        view = await desk.view(draft)
        assert view.is_outdated
        assert view.draft.text == draft.text
        with pytest.raises(Conflict):
            await desk.do(draft_actions.sign, draft.id)
        with pytest.raises(Invalid):
            await desk.do(draft_actions.return_to_draft, draft.id, "")
        await desk.do(draft_actions.return_to_draft, draft.id, "Awareness changed")
        await desk.do(draft_actions.review, draft.id, by=ewa.id)
        draft = await desk.do(draft_actions.sign, draft.id)
        assert await desk.state() is State.RUNNING

        # a person sends it, and the clock ends with that time
        clock.advance(timedelta(hours=1))
        wrong: list[tuple[datetime | None, str]] = [
            (w.now + timedelta(hours=1), "Form"),
            (w.now - timedelta(hours=2), "Form"),
            (None, ""),
        ]
        for at, channel in wrong:
            with pytest.raises(Invalid):
                await desk.do(draft_actions.record_sent, draft.id, at=at, channel=channel, receipt="")
        sent = await desk.do(
            draft_actions.record_sent,
            draft.id,
            at=w.now - timedelta(minutes=5),
            channel="Form",
            receipt="4711",
        )
        assert (sent.state, sent.text) == (DraftState.SENT, draft.text)
        assert await desk.state() is State.MET
        with pytest.raises(Conflict):
            await desk.do(draft_actions.answer_fields, draft.id, {"contact": "Ewa"}, None)

        # the next part begins with what was written, shows the difference, and moves no clock
        follow_up = await desk.do(draft_actions.open_draft, REF)
        assert follow_up.part == 2
        await desk.do(draft_actions.answer_fields, follow_up.id, {"records": "Names and emails"}, None)
        view = await desk.view(follow_up)
        assert any(one.after == "Names and emails" for one in view.differences)
        assert next(one.text for one in view.fields if one.field.id == "consequences") == "Phishing"
        await desk.do(draft_actions.review, follow_up.id, by=ewa.id)
        await desk.do(draft_actions.sign, follow_up.id)
        clock.advance(timedelta(hours=100))
        await desk.do(draft_actions.record_sent, follow_up.id, at=None, channel="Form", receipt="4711-2")
        assert await desk.state() is State.MET

        # the letter to the people begins with the same answers, and a stopped clock offers no draft
        await desk.record("high_risk")
        letter = await desk.do(draft_actions.open_draft, "GDPR-34")
        assert "Phishing" in letter.text
        await desk.record("stopped:HIPAA-IND", reason="Not a covered entity")
        with pytest.raises(Conflict):
            await desk.do(draft_actions.open_draft, "HIPAA-IND")

        # everyone reads the steps, and no text of a draft
        async with w.ctx.db.tx() as tx:
            entries = [e.text for e in await incidents.timeline(tx, 1) if e.kind == "regulatory"]
        assert any("signed" in text for text in entries)
        assert not any("Phishing" in text or "dpo@" in text for text in entries)


async def test_each_intermediate_report_of_dora_moves_the_final_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            ewa = await people.create_person(
                tx, TEST, name="Ewa", email="ewa@example.org", role="manager", tz="UTC", now=w.now
            )
            await incidents.declare(tx, mara, title="Payments fail", severity=1, now=w.now)
        desk = Desk(w, ewa.id)
        await desk.record("dora_major", reason="Clients and duration")
        due = []
        for obligation in ("DORA-I", "DORA-M", "DORA-M"):
            clock.advance(timedelta(hours=2))
            draft = await desk.do(draft_actions.open_draft, obligation)
            await desk.do(draft_actions.review, draft.id, by=ewa.id)
            await desk.do(draft_actions.sign, draft.id)
            await desk.do(draft_actions.record_sent, draft.id, at=None, channel="Form", receipt="")
            clock.advance(timedelta(hours=30))
            async with w.ctx.db.tx() as tx:
                (one,) = await queries.clocks_of(tx, [await incidents.incident(tx, 1)], w.now)
            due.append(draft_queries.clock_of(one, "DORA-F").due_at)
        assert due[0] is None
        assert due[1]
        assert due[2]
        assert due[1] < due[2]
