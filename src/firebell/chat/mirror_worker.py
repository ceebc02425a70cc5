"""The lane of the mirror: one process speaks to an account, and no transaction is open during a call (spec 8.11).

Each call stands between two commits: the first records that it begins, the second what it answered. What a
killed process left in between is looked for in the chat before it is sent again.
"""

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from firebell.chat import store
from firebell.chat.adapter_base.adapter import Adapter, Call, CallFailed, Done, Trouble
from firebell.chat.adapter_base.operations import Op, OpKind
from firebell.chat.adapter_base.rate_buckets import Buckets
from firebell.chat.mirror import call_count_store, call_outcomes, comparison_queue_store, object_store
from firebell.chat.mirror import plan as mirror_plan
from firebell.chat.mirror import targets as mirror_targets
from firebell.chat.mirror.call_counts import CallOutcome, outcome_of
from firebell.chat.model import CAPABILITIES, Account, AccountSecrets, AccountState, Want
from firebell.chat.open_adapter import open_adapter
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.migrate import fence
from firebell.kit.errors import Invalid, NotFound, Unavailable

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=30)
RENEW_BEFORE = timedelta(seconds=20)
"""A lease that ends sooner is renewed."""
CALL_NEEDS = timedelta(seconds=12)
"""A call begins only if the lease lasts longer: another process must not see it as left behind."""
CONCURRENT_TARGETS = 8
CALLS_PER_TURN = 4
"""Calls about one target before others get their turn."""
PAGES_PER_TURN = 100
PAUSE_AFTER_ERROR = timedelta(minutes=1)
"""How long a target is left alone after an error of our own, while others continue."""
PAGE_POLL = timedelta(seconds=1)
"""How often pages are compared in accounts that announce them: a page never waits for a chat, so it wakes no one."""
_FINDS = (OpKind.FIND_POST, OpKind.FIND_ROOM)

OpenAdapter = Callable[[Account, AccountSecrets, Context], Adapter]


@dataclass(slots=True)
class _Session:
    """What this process knows of an account that it has leased."""

    account: Account
    adapter: Adapter
    buckets: Buckets
    secrets: AccountSecrets
    is_broken: bool = False
    """The chat refused the token in this run: nothing more is called."""
    calls: Counter[CallOutcome] = field(default_factory=Counter)
    """How the calls ended that are not stored yet."""


class ChatMirror:
    """Makes every connected chat look like the database; any number of processes share the accounts."""

    def __init__(self, ctx: Context, opener: OpenAdapter = open_adapter) -> None:
        self._ctx = ctx
        self._open = opener
        self._holder = uuid.uuid4().hex
        self._sessions: dict[int, _Session] = {}
        self._lease_until: datetime | None = None
        self.upcoming: datetime | None = None
        """When something is to be compared next, after a run that had nothing to do."""
        self.is_unused = False
        """True if the last run found no account."""

    async def run_once(self, now: datetime) -> int:
        """Make a few calls about the most important targets; return the number of calls."""
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            self.is_unused = not await store.has_accounts(tx)
            if self.is_unused:
                self.upcoming = None
                return 0
            accounts = await store.lease(tx, self._holder, now + LEASE, now + RENEW_BEFORE, now)
            self._lease_until = now + RENEW_BEFORE
            opened = [await self._session(tx, account, now) for account in accounts]
            sessions = [session for session in opened if session]
            wants = await self._wants(tx, sessions, now)
            if not wants:
                await self._rest(tx, sessions, now)
                return 0
        # none is left running when one fails: two tasks about one target would send twice
        results = await asyncio.gather(
            *(self._turn(session, want) for session, want in wants), return_exceptions=True
        )
        calls = 0
        async with self._ctx.work_db.tx() as tx:
            for (_, want), result in zip(wants, results, strict=True):
                if isinstance(result, int):
                    calls += result
                    continue
                if not isinstance(result, Exception) or isinstance(result, Unavailable):
                    raise result
                log.error("a chat target failed", extra={"target": want.target}, exc_info=result)
                await comparison_queue_store.settle(tx, want, now + PAUSE_AFTER_ERROR, done=False)
            await self._rest(tx, sessions, now)
        return calls

    async def _rest(self, tx: Tx, sessions: list[_Session], now: datetime) -> None:
        for session in sessions:
            if session.calls:
                await call_count_store.add(tx, session.account.id, session.calls, now)
                for outcome, calls in session.calls.items():
                    self._ctx.counters.chat_calls[str(session.account.id), str(outcome)] += calls
                session.calls.clear()
        self.upcoming = await comparison_queue_store.next_due_at(tx, [s.account.id for s in sessions])
        if any(rule.pages for s in sessions for rule in s.account.settings.rules):
            page_poll = now + PAGE_POLL
            self.upcoming = min(self.upcoming, page_poll) if self.upcoming else page_poll

    async def _session(self, tx: Tx, account: Account, now: datetime) -> _Session | None:
        """Return what is known of an account; None if its secrets cannot be read, so that it needs new ones."""
        try:
            secrets = await store.account_secrets(tx, account.id)
        except Invalid as error:
            await store.set_state(tx, account.id, AccountState.BROKEN, error.message, now)
            return None
        session = self._sessions.get(account.id)
        if session is None or session.secrets != secrets:
            adapter = self._open(account, secrets, self._ctx)
            buckets = session.buckets if session else Buckets(adapter.rates)
            session = _Session(account, adapter, buckets, secrets)
        session.account = account
        session.is_broken = False
        self._sessions[account.id] = session
        return session

    async def _wants(self, tx: Tx, sessions: list[_Session], now: datetime) -> list[tuple[_Session, Want]]:
        wants: list[tuple[_Session, Want]] = []
        for session in sessions:
            account = session.account
            if any(rule.pages for rule in account.settings.rules):
                await comparison_queue_store.want_changed_pages(tx, account.id, now, PAGES_PER_TURN)
            wants += [
                (session, want)
                for want in await comparison_queue_store.due(tx, account.id, now, CONCURRENT_TARGETS)
            ]
        return wants

    async def _turn(self, session: _Session, want: Want) -> int:
        """Make the next calls about one target; return their number."""
        calls = 0
        try:
            while calls < CALLS_PER_TURN and await self._step(session, want):
                calls += 1
        except NotFound:
            # the incident was deleted
            async with self._ctx.work_db.tx() as tx:
                await comparison_queue_store.settle(tx, want, None, done=True)
        return calls

    async def _step(self, session: _Session, want: Want) -> bool:
        """Compare a target and make the first call that may be made now; return False if there is none."""
        now = self._ctx.clock.now()
        if session.is_broken or self._lease_until is None or self._lease_until - now < CALL_NEEDS:
            return False
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            target = await mirror_targets.load(tx, session.account, want.target, self._ctx.public_url, now)
            can = CAPABILITIES[session.account.kind]
            plan = mirror_plan.plan(target.desired, target.actual, target.room, can, now)
            op, free_at = self._first(session, target, plan.ops, now)
            if op is None:
                next_at = min((at for at in (plan.next_at, free_at) if at), default=None)
                await comparison_queue_store.settle(
                    tx, want, next_at, done=not plan.ops and not plan.is_retrying
                )
                return False
            call = mirror_targets.call_of(op, target, session.adapter.name_max_chars, uuid.uuid4().hex, now)
            if op.kind not in _FINDS:
                await object_store.begin(
                    tx, want.account_id, want.target, op.keys, op.hashes, call.channel, call.nonce, now
                )
            if op.kind is OpKind.INVITE and target.room:
                # also if the outcome stays unknown
                invited = {i: user for i, user in target.members.items() if user in op.value}
                await store.add_invited(tx, target.room.id, invited)
        outcome = await self._made(session, op, call)
        session.calls[outcome_of(outcome)] += 1
        now = self._ctx.clock.now()
        async with self._ctx.work_db.tx() as tx:
            record = call_outcomes.Record(tx, session.account, want.target, target, op, call, now)
            if isinstance(outcome, CallFailed):
                await self._failed(session, record, outcome, now)
            elif op.kind in _FINDS:
                await call_outcomes.adopt(record, outcome)
            else:
                assert outcome
                await call_outcomes.done(record, outcome)
        return True

    def _first(
        self, session: _Session, target: mirror_targets.Target, ops: tuple[Op, ...], now: datetime
    ) -> tuple[Op | None, datetime | None]:
        """Return the first op whose needs are met and whose buckets are free, and take its tokens.

        Without one, return when the next may be made.
        """
        waits = []
        for op in ops:
            if not mirror_plan.ready(op, target.actual, target.room):
                continue
            keys = session.adapter.buckets(op.kind, mirror_targets.channel_of(op, target), op.key)
            free_at = session.buckets.free_at(keys, now)
            if free_at <= now:
                session.buckets.take(keys, now)
                return op, None
            waits.append(free_at)
        return None, min(waits, default=None)

    async def _made(self, session: _Session, op: Op, call: Call) -> Done | CallFailed | None:
        try:
            if op.kind in _FINDS:
                return await session.adapter.find(call)
            return await session.adapter.run(call)
        except CallFailed as failure:
            if failure.trouble is not Trouble.CONTENT or call.plain:
                return failure
            log.error(
                "a chat refused the content of a message, sending its text alone",
                extra={"code": failure.code, "key": op.key, "kind": str(op.kind)},
            )
            return await self._made(session, op, replace(call, plain=True))

    async def _failed(
        self, session: _Session, record: "call_outcomes.Record", failure: CallFailed, now: datetime
    ) -> None:
        log.log(
            logging.INFO if failure.trouble is Trouble.SKIPPED else logging.WARNING,
            "a call of a chat failed",
            extra={"account": session.account.id, "key": record.op.key, "code": failure.code},
        )
        session.is_broken |= failure.trouble is Trouble.ACCOUNT
        if failure.trouble is Trouble.LIMITED:
            keys = session.adapter.buckets(record.op.kind, record.call.channel, record.op.key)
            jitter_s = self._ctx.pace.uniform(0, 1)
            until = now + timedelta(seconds=(failure.after_s or 30) + jitter_s)
            session.buckets.close(keys[0], until, now)
        jitter = self._ctx.pace.uniform(0.8, 1.2)
        await call_outcomes.failed(record, failure, jitter)

    async def close(self) -> None:
        """Give up the leases, so that another process can continue at once."""
        if self._sessions:
            async with self._ctx.work_db.tx() as tx:
                await store.release(tx, self._holder)
