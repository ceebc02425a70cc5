"""The lane of chats: one process speaks to an account, and one target that fails holds up no other."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from firebell.chat import store
from firebell.chat.adapter_base.adapter import Call, Done
from firebell.chat.adapter_base.operations import OpKind
from firebell.chat.adapter_base.rate_buckets import Key
from firebell.chat.mirror_worker import LEASE, ChatMirror
from firebell.chat.model import AccountState
from firebell.chat.slack.client import RATES
from firebell.kit.clock import FakeClock
from tests.chat_world import account_of, chat_world, declare, run_for
from tests.standins.slack.workspace import BOT_USER
from tests.world import World


@dataclass(slots=True)
class Faulty:
    """An adapter with an error of our own in everything about one incident."""

    target: str
    made: list[str] = field(default_factory=list)
    rates = RATES
    name_max_chars = 80

    def buckets(self, kind: OpKind, channel: str, key: str) -> list[Key]:
        return []

    async def run(self, call: Call) -> Done:
        if call.key.startswith(self.target):
            raise RuntimeError("a bug")
        self.made.append(call.key)
        return Done(ts=str(len(self.made)), channel=call.channel or "C1", name=call.name)

    async def find(self, call: Call) -> Done | None:
        return None


async def _run(w: World, mirror: ChatMirror, seconds: int) -> None:
    for _ in range(seconds):
        while await w.worker.run_outbox(w.now):
            pass
        while await mirror.run_once(w.now):
            pass
        w.clock.advance(timedelta(seconds=1))


async def test_a_target_that_fails_holds_up_no_other(
    dsn: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with chat_world(dsn, clock) as (w, _, _account):
        faulty = Faulty("inc-1/")
        mirror = ChatMirror(w.ctx, lambda account, secrets, ctx: faulty)
        await declare(w, "Poisoned", severity=0)
        await declare(w, "Fine", severity=2)
        await _run(w, mirror, 5)

        assert "inc-2/summary" in faulty.made
        assert "inc-2/topic" in faulty.made
        errors = [record for record in caplog.records if record.levelname == "ERROR"]
        assert len(errors) == 1, "it is left alone for a minute"


async def test_of_two_processes_one_speaks_to_an_account(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, _account):
        mirrors = [ChatMirror(w.ctx), ChatMirror(w.ctx)]
        await declare(w)
        while await w.worker.run_outbox(w.now):
            pass
        for _ in range(30):
            await asyncio.gather(*(mirror.run_once(w.now) for mirror in mirrors))
            clock.advance(timedelta(seconds=1))

        assert space.count("conversations.create") == 1
        (room,) = [c for c in space.channels.values() if c.creator == BOT_USER]
        assert set(room.keys().values()) == {1}
        clock.advance(LEASE)
        async with w.ctx.db.tx() as tx:
            assert await store.lease(tx, "another", w.now + LEASE, w.now, w.now)


async def test_secrets_that_cannot_be_read_break_only_their_account(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, _account):
        async with w.ctx.db.tx() as tx:
            await tx.execute("update chat_account set secrets = '\\x00'")
        await declare(w)
        await run_for(w, 5)

        assert (await account_of(w)).state is AccountState.BROKEN
        assert space.calls == []
        assert w.sink.got, "people are paged"
