"""The sender: leases messages from the ledger, hands them to their channel, records what became of them."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import asyncpg

from firebell.alerts import actions as alerts
from firebell.alerts.model import Alert
from firebell.catalog import actions as catalog
from firebell.kit.context import Context
from firebell.kit.db import Tx
from firebell.kit.errors import Unavailable
from firebell.kit.group_commit import GroupCommit
from firebell.kit.migrate import fence
from firebell.paging import ledger, links, notices, store
from firebell.paging.actions import all_failed
from firebell.paging.channels import Accepted, Channel, Failed, Message, Outcome, Retry
from firebell.paging.channels.email import Email
from firebell.paging.channels.ntfy import Ntfy
from firebell.paging.channels.webhook import Webhook
from firebell.paging.holding import Parcel, parcels, sift
from firebell.paging.model import Delivery
from firebell.people import actions as people

log = logging.getLogger(__name__)

CAPACITY = 64
"""How many messages of one channel are under way at once in this process."""
ROOM, CLAIM = 16, 32
"""How many of them must be free before more are claimed, and how many are claimed at most: a claim of one
costs as much as one of many, and what is claimed begins before long."""
PER_S = 200
"""How many messages a second begin at most: a storm of messages leaves time to store and to escalate."""
LINGER_S = 0.02
"""How long outcomes gather before they are recorded together: a crash meanwhile only sends them again."""
BACKOFF_S = (2, 8, 30)
CLAIMS = 8
"""How often a message is begun at most when every process that tries dies before it can tell."""
SEND_LIMIT_S = 40
"""How long one attempt may take: less than its lease, after which somebody else begins another."""
RECORD_AFTER_S = (0, 0.1, 0.5, 1, 2, 4, 8)
"""The pauses between attempts to record an outcome while the database is away."""
ALERTS = 100


class Sender:
    """Has its own tasks, and room for each channel: a provider that hangs delays no other channel."""

    def __init__(self, ctx: Context, on_free: Callable[[], None] = lambda: None) -> None:
        self._ctx = ctx
        self._on_free = on_free
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: Counter[str] = Counter()
        self._arrived = GroupCommit(self._record_accepted, batch=CAPACITY, linger_s=LINGER_S)
        self._channels: dict[str, Channel] = {
            "email": Email(ctx.smtp_url, ctx.mail_from),
            "webhook": Webhook(ctx.http, ctx.signer),
            "ntfy": Ntfy(ctx.http, ctx.ntfy_url),
        }

    def _full(self) -> list[str]:
        """Return the channels that have no room for a lot of messages."""
        return [name for name, n in self._under_way.items() if n > CAPACITY - ROOM]

    async def run_once(self, now: datetime) -> int:
        """Claim what is due and there is room for, begin to send it, and return how many were claimed."""
        full = self._full()
        room = CAPACITY - max((n for name, n in self._under_way.items() if name not in full), default=0)
        async with self._ctx.db.tx() as tx:
            await fence(tx)
            claimed = await ledger.claim(tx, now, min(room, CLAIM), full)
            going = await sift(tx, claimed, now)
            messages = await self._composed(tx, going, now) if going else []
        for parcel in parcels(zip(going, messages, strict=True)):
            channel = parcel.deliveries[0].channel
            task = asyncio.create_task(self._deliver(parcel))
            self._tasks.add(task)
            self._under_way[channel] += 1
            task.add_done_callback(partial(self._finished, channel))
            await asyncio.sleep(1 / PER_S)
        return len(claimed)

    async def next_at(self, tx: Tx) -> datetime | None:
        """Return when to look again; that a full channel has room is told by `on_free`."""
        return await ledger.next_at(tx, self._full())

    async def drain(self, limit_s: float | None = None) -> None:
        """Wait until everything that was begun is recorded; after `limit_s` what is not sent is put back."""
        if not self._tasks:
            return
        _, slow = await asyncio.wait(self._tasks, timeout=limit_s)
        for task in slow:
            task.cancel()
        if slow:
            await asyncio.wait(slow, timeout=1)

    def _finished(self, channel: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._under_way[channel] -= 1
        if not task.cancelled() and task.exception():
            log.error("a message ended without an outcome", exc_info=task.exception())
        if self._under_way[channel] == CAPACITY - ROOM:
            self._on_free()

    async def _composed(
        self, tx: Tx, claimed: Sequence[Delivery], now: datetime
    ) -> Sequence[Message | Outcome]:
        """Return what each delivery says, or what to record of one that nobody can put into words."""
        try:
            async with tx.savepoint():
                return await compose(tx, self._ctx, claimed, now)
        except asyncpg.LockNotAvailableError:
            # one by one they would wait for the same lock; not claimed, all are composed when it is gone
            raise
        except Exception as exc:
            if tx.conn.is_closed():
                raise
            log.exception("messages cannot be composed", extra={"deliveries": [d.id for d in claimed]})
            if len(claimed) == 1:
                return [Retry(f"It cannot be composed: {exc!r}")]
        return [found for d in claimed for found in await self._composed(tx, [d], now)]

    async def _deliver(self, parcel: Parcel) -> None:
        message = parcel.message
        outcome = await self._outcome(parcel, message) if isinstance(message, Message) else message
        for wait in RECORD_AFTER_S:
            await asyncio.sleep(wait)
            try:
                if isinstance(outcome, Accepted):
                    arrived = [self._arrived.add((d, outcome.provider_id)) for d in parcel.deliveries]
                    await asyncio.gather(*arrived)
                else:
                    await self._record(parcel.deliveries, outcome)
            except Unavailable:
                continue
            except Exception:
                ids = [d.id for d in parcel.deliveries]
                log.exception("an outcome cannot be recorded", extra={"deliveries": ids})
            else:
                return

    async def _outcome(self, parcel: Parcel, message: Message) -> Outcome:
        """Send; whatever goes wrong is an attempt that failed, so that it ends and the next rule acts."""
        delivery = parcel.deliveries[0]
        if max(d.attempts for d in parcel.deliveries) > CLAIMS:
            return Failed(f"Begun {CLAIMS} times, and nobody lived to tell.", suspect=False)
        try:
            async with asyncio.timeout(SEND_LIMIT_S):
                return await self._channels[delivery.channel].send(delivery.address, message, parcel.key)
        except TimeoutError:
            return Retry(f"No answer within {SEND_LIMIT_S} s.")
        except asyncio.CancelledError:
            return Retry("Firebell stopped while it was on its way.")
        except Exception as exc:
            log.exception("a channel failed", extra={"delivery": delivery.id, "channel": delivery.channel})
            return Retry(f"It cannot be sent: {exc!r}")

    async def _record_accepted(self, arrived: list[tuple[Delivery, str]]) -> None:
        now = self._ctx.clock.now()
        async with self._ctx.db.tx() as tx:
            await ledger.accepted(tx, [(delivery.id, provider) for delivery, provider in arrived], now)
            for delivery, _ in arrived:
                if delivery.reason == "test":
                    await people.mark_method_verified(tx, delivery.method_id, now)
                await tx.live(_topic(delivery))

    async def _record(self, deliveries: Sequence[Delivery], outcome: Retry | Failed) -> None:
        now = self._ctx.clock.now()
        attempts = max(d.attempts for d in deliveries)
        async with self._ctx.db.tx() as tx:
            match outcome:
                case Retry(reason, after_s) if attempts <= len(BACKOFF_S):
                    wait = after_s or BACKOFF_S[attempts - 1] * random.uniform(0.8, 1.2)  # noqa: S311
                    at = now + timedelta(seconds=wait)
                    await ledger.again(tx, [d.id for d in deliveries], at, reason)
                case Retry(reason):
                    await self._failed(tx, deliveries, reason, now)
                case Failed(reason, suspect):
                    if suspect:
                        await people.mark_method_suspect(tx, deliveries[0].method_id, now)
                    await self._failed(tx, deliveries, reason, now)
            for delivery in deliveries:
                await tx.live(_topic(delivery))

    async def _failed(self, tx: Tx, deliveries: Sequence[Delivery], reason: str, now: datetime) -> None:
        # pages before deliveries: the order in which an acknowledgement locks them
        await store.lock(tx, [d.page_id for d in deliveries if d.page_id is not None])
        for delivery in deliveries:
            facts = {"delivery": delivery.id, "channel": delivery.channel, "reason": reason}
            log.warning("a message failed", extra=facts)
            nobody = await ledger.failed(tx, delivery, reason, now)
            if nobody and delivery.page_id is not None:
                await all_failed(tx, delivery.page_id, delivery.epoch, delivery.level, delivery.round, now)


def _topic(delivery: Delivery) -> str:
    return f"person-{delivery.person_id}" if delivery.page_id is None else f"pg-{delivery.page_id}"


async def compose(tx: Tx, ctx: Context, claimed: Sequence[Delivery], now: datetime) -> list[Message]:
    """Return what each delivery says, from the state of its page at this instant."""
    pages = await store.pages_by_id(tx, [d.page_id for d in claimed if d.page_id is not None])
    persons = await people.persons(tx, [d.person_id for d in claimed])
    groups = [p.subject_id for p in pages.values() if p.subject_kind == "group"]
    found = await alerts.alerts_of_groups(tx, groups, ALERTS) if groups else {}
    services = await catalog.services_by_id(tx, [p.service_id for p in pages.values() if p.service_id])
    teams = {t.id: t.name for t in await people.teams(tx)} if pages else {}
    told = {d.id: await notices.notice(tx, d.reason, now) for d in claimed if d.page_id is None}
    messages = []
    for delivery in claimed:
        page = pages.get(delivery.page_id or 0)
        service = services.get(page.service_id or 0) if page else None
        of_page = tuple(found.get(page.subject_id, ())) if page and page.subject_kind == "group" else ()
        person = persons[delivery.person_id]
        messages.append(
            Message(
                delivery_id=delivery.id,
                reason=delivery.reason.partition("-")[0],
                person=person.name,
                tz=person.tz,
                page_ref=page.ref if page else "",
                title=page.title if page else told[delivery.id].title,
                note="" if page else _note(ctx, told[delivery.id]),
                state=page.state if page else "",
                urgency=page.urgency if page else told[delivery.id].urgency,
                severity=page.severity if page else None,
                service=service.name if service else "",
                team=teams.get(page.team_id or 0, "") if page else "",
                triggered_at=page.triggered_at if page else now,
                level=delivery.level,
                alerts=of_page,
                runbook=_runbook(of_page, service.runbook_url if service else ""),
                page_url=f"{ctx.public_url}/pages/{page.ref}" if page else "",
                ack_url=links.ack_url(ctx, delivery, now) if page else "",
            )
        )
    return messages


def _note(ctx: Context, told: notices.Notice) -> str:
    return f"{told.note}\n\n{ctx.public_url}{told.link}" if told.link else told.note


def _runbook(of_page: Sequence[Alert], default: str) -> str:
    return next((a.links["runbook"] for a in of_page if a.links.get("runbook")), default)
