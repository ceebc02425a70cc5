"""The lane of copies: one process speaks for a copy, and no transaction is open during a call (spec 7.17).

Before each write the incident is read, so that what arrived before, or was changed there, is noticed first. What
a killed process left half done is looked up in the same way.
"""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.migrate import fence
from firebell.kit.errors import Invalid
from firebell.kit.token_bucket import full
from firebell.status_copies import call_outcomes, drift_comparison, importing, step_inputs, step_store, store
from firebell.status_copies.client import ask
from firebell.status_copies.model import RemoteCall, StatusCopy
from firebell.status_copies.next_step import AlreadyThere, Hold
from firebell.status_copies.provider_answers import Answer, Outcome
from firebell.status_copies.providers import api_of
from firebell.status_copies.remote_api import RemoteApi

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
"""Longer than the calls of a turn, each of which takes ten seconds at most."""
COPIES_PER_TURN = 4
CHECK_INTERVAL = timedelta(minutes=5)


class Copier:
    """Sends what was published to every copy, and compares the copies; any number of processes share them."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._holder = uuid.uuid4().hex
        self.upcoming: datetime | None = None
        """When a copy has work next, after a run that had none."""
        self.is_unused = False
        """True if the last run found no copy at all."""

    async def run_once(self, now: datetime) -> int:
        """Do one thing for each of a few copies; return their number."""
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            copies = await store.lease_due(tx, self._holder, now + LEASE, now, COPIES_PER_TURN)
            if not copies:
                self.is_unused = not await store.has_copies(tx)
                self.upcoming = await store.next_due_at(tx)
                return 0
        self.is_unused = False
        for copy in copies:
            await self._turn(copy)
        return len(copies)

    async def _turn(self, copy: StatusCopy) -> None:
        """Do the next thing for a copy: send a step, compare, or import a page, in this order."""
        now = self._ctx.clock.now()
        async with self._ctx.work_db.tx() as tx:
            try:
                key = await store.open_key(tx, copy)
            except Invalid as error:
                await call_outcomes.stop(tx, copy, error.message, now)
                return
            await step_store.enqueue(tx, copy.status_page_id, now)
            work = await step_inputs.load(tx, copy, now)
            page = await step_inputs.page(tx, copy)
        session = Session(self._ctx, copy, key, f"{self._ctx.public_url}/s/{page.slug}")
        if work is not None:
            await self._send(session, work)
        elif copy.check_at <= now:
            await self._compare(session)
        elif copy.import_page is not None:
            await self._import(session, copy.import_page)
        async with self._ctx.work_db.tx() as tx:
            await store.release(tx, copy.id, self._holder)

    async def _send(self, session: "Session", work: step_inputs.Work) -> None:
        """Read the incident, decide, and make the one call of a step."""
        reads = work.reads(session.api, session.copy.remote_page_id)
        if not await session.reserve(len(reads) + 1):
            return
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            step = await step_inputs.begin(tx, work.step, session.now)
        work = replace(work, step=step)
        answers, failure = await session.read(reads)
        if failure and not (failure.outcome is Outcome.GONE and work.remote_id):
            await self._record(session, work, failure)
            return
        if not failure and (unreadable := work.unreadable(session.api, answers)):
            await self._record(session, work, unreadable)
            return
        decision = work.decide(session.api, session.copy.remote_page_id, None if failure else answers)
        match decision:
            case AlreadyThere():
                answer = Answer(Outcome.OK)
            case Hold():
                answer = Answer(Outcome.REFUSED, reason=decision.reason)
            case _:
                answer = step_inputs.checked(session.api, work, await session.ask(decision.call))
        async with self._ctx.work_db.tx() as tx:
            await call_outcomes.record_step(
                tx, session.copy, work, decision, answer, session.api, session.now
            )
        await self._handle(session, answer)

    async def _record(self, session: "Session", work: step_inputs.Work, failure: Answer) -> None:
        """Record that a step was not tried, because the page could not be read."""
        async with self._ctx.work_db.tx() as tx:
            await call_outcomes.record_failure(tx, session.copy, work.step, failure, session.now)
        await self._handle(session, failure)

    async def _compare(self, session: "Session") -> None:
        """Compare the components and incidents there with ours, and overwrite what a person asked for."""
        page = session.copy.remote_page_id
        component_calls = session.api.component_calls(page)
        calls = [*component_calls, *session.api.latest_calls(page)]
        if not await session.reserve(len(calls) + 1):
            return
        answers, failure = await session.read(calls)
        overwrite: drift_comparison.Overwrite | None = None
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            await store.change_copy(tx, session.copy.id, check_at=session.now + CHECK_INTERVAL)
            if not failure:
                documents = [answer.document for answer in answers]
                remote_components = session.api.components(documents[: len(component_calls)])
                incidents = [
                    incident
                    for document in documents[len(component_calls) :]
                    for incident in session.api.incidents(document)
                ]
                overwrite = await drift_comparison.compare(
                    tx, session.copy, session.api, remote_components, incidents, session.now
                )
        if failure:
            await self._stop_if_gone(session, failure)
            await self._handle(session, failure)
        elif overwrite is not None:
            answer = await session.ask(overwrite.call) if overwrite.call else Answer(Outcome.OK)
            async with self._ctx.work_db.tx() as tx:
                await call_outcomes.record_overwrite(tx, session.copy, overwrite, answer, session.now)
            await self._handle(session, answer)

    async def _import(self, session: "Session", number: int) -> None:
        """Import one page of what they published; the first one also brings their components."""
        page = session.copy.remote_page_id
        calls = [*(session.api.component_calls(page) if number == 1 else ())]
        calls.append(session.api.history_call(page, number))
        if not await session.reserve(len(calls)):
            return
        answers, failure = await session.read(calls)
        if failure:
            await self._stop_if_gone(session, failure)
            await self._handle(session, failure)
            return
        *first, history = [answer.document for answer in answers]
        incidents = session.api.incidents(history)
        if first:
            async with self._ctx.work_db.tx() as tx:
                await fence(tx)
                components = session.api.components(first)
                await importing.import_components(tx, session.copy, components, session.now)
        for start in range(0, len(incidents), importing.INCIDENTS_PER_TRANSACTION):
            async with self._ctx.work_db.tx() as tx:
                await fence(tx)
                few = incidents[start : start + importing.INCIDENTS_PER_TRANSACTION]
                await importing.import_incidents(tx, session.copy, few, session.now)
        async with self._ctx.work_db.tx() as tx:
            await importing.finish_page(tx, session.copy, number, len(incidents), session.now)

    async def _stop_if_gone(self, session: "Session", failure: Answer) -> None:
        """Stop a copy whose page does not exist."""
        if failure.outcome is Outcome.GONE:
            async with self._ctx.work_db.tx() as tx:
                await call_outcomes.stop(
                    tx, session.copy, f"There is no such page: {failure.reason}", session.now
                )

    async def _handle(self, session: "Session", answer: Answer) -> None:
        """Stop a copy whose key is refused, and let a key rest that was too fast."""
        if answer.outcome is not Outcome.OK:
            extra = {"copy": session.copy.id, "outcome": str(answer.outcome), "reason": answer.reason}
            log.warning("a call about a copy of a status page failed", extra=extra)
        async with self._ctx.work_db.tx() as tx:
            await call_outcomes.note(tx, session.copy, answer, session.api.rate, session.now)


class Session:
    """One turn for a copy: its API, its key and its rate."""

    def __init__(self, ctx: Context, copy: StatusCopy, key: str, link: str) -> None:
        self._ctx = ctx
        self._key = key
        self.copy = copy
        self.api: RemoteApi = api_of(copy.provider, link)

    @property
    def now(self) -> datetime:
        """The present instant."""
        return self._ctx.clock.now()

    async def reserve(self, calls: int) -> bool:
        """Take the tokens of all calls of a turn at once; return False if the key must rest first."""
        async with self._ctx.work_db.tx() as tx:
            return await reserve(tx, self.copy.key_hash, self.api, calls, self.now)

    async def ask(self, call: RemoteCall) -> Answer:
        """Make one call."""
        return await ask(self._ctx.http, self.api, self._key, call)

    async def read(self, calls: Sequence[RemoteCall]) -> tuple[list[Answer], Answer | None]:
        """Return the answers, and the first that failed, after which nothing more is read."""
        answers: list[Answer] = []
        for call in calls:
            answer = await self.ask(call)
            if answer.outcome is not Outcome.OK:
                return answers, answer
            answers.append(answer)
        return answers, None


async def reserve(tx: Tx, key_hash: str, api: RemoteApi, calls: int, now: datetime) -> bool:
    """Take tokens of the key's bucket, which all processes share; without enough, note when there are."""
    bucket = await store.lock_rate(tx, key_hash, full(api.rate, now))
    reserved, free_at = bucket.reserved(api.rate, now, calls)
    await store.save_rate(tx, key_hash, reserved)
    return free_at <= now
