"""The lane of webhooks: composes the events of what changed, and posts them, signed."""

import asyncio
import logging
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg
import httpx

from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.kit.db.migrate import fence
from firebell.kit.errors import Invalid
from firebell.kit.http_out import OutboundResponse, post, reason_of
from firebell.kit.retries import HOOK_RETRIES, retry_at
from firebell.kit.secret_encryption import Sealer
from firebell.kit.standard_webhooks import request_headers
from firebell.kit.truncation import cut
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people import actions as people
from firebell.people.permissions import ADMINS
from firebell.webhooks import change_store, circuit, endpoint_store
from firebell.webhooks.deliveries import store as delivery_store
from firebell.webhooks.events import composer_registry
from firebell.webhooks.model import AttemptResult, Change, ClaimedDelivery, Endpoint, EndpointState

log = logging.getLogger(__name__)

CHANGES = 50
DELIVERIES = 50
LIMIT_S = 15.0
"""How long an endpoint may take (spec 7.11)."""
RESPONSE_BYTES = 2_000
"""Bytes of the body of a response that the log keeps."""
TURN_S = 0.5
"""How long a run waits for the answers to what it sends: a receiver that takes longer delays no other one."""
BLOCKED_PAUSE = timedelta(seconds=1)
"""Pause before looking again at what another process works on."""
LIVE_TOPIC = "webhooks"
DELETED_PER_RUN = 500
"""Deliveries of a deleted endpoint that are deleted at once: their attempts go with them."""


class WebhookSender:
    """Composes and delivers events; any number of processes share the work.

    Each endpoint gets its batch in a task of its own, and no further one until that is recorded.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._recording = asyncio.Lock()
        self.upcoming: datetime | None = None
        self.is_unused = False

    async def run_once(self, now: datetime) -> int:
        """Compose a batch of changes and send a batch of deliveries; return how many there were of both.

        After `TURN_S` it returns, although some are still being sent. What was being sent when it began counts too:
        once that is recorded, there may be more. Raise the error of an earlier batch that could not be recorded, once
        the others have begun.
        """
        errors = self._forget_recorded()
        earlier = list(self._sending.values())
        async with self._ctx.work_db.reads() as reads:
            is_used, self.upcoming = await delivery_store.next_at(reads)
        self.is_unused = not is_used
        done, begun = 0, list[asyncio.Task[None]]()
        if self.upcoming is not None and self.upcoming <= now:
            done = await self._compose(now)
            async with self._ctx.work_db.tx() as tx:
                await fence(tx)
                done += await endpoint_store.delete_log(tx, DELETED_PER_RUN)
            begun = await self._begin(now)
            if not done and not begun:
                self.upcoming = now + BLOCKED_PAUSE
        if errors:
            raise errors[0]
        await self._ctx.pace.join(begun if done or begun else earlier, TURN_S)
        return done + len(begun) + len(earlier)

    async def _begin(self, now: datetime) -> list[asyncio.Task[None]]:
        """Claim deliveries of endpoints to which nothing is being sent, and begin to send them."""
        async with self._ctx.work_db.tx() as tx:
            await fence(tx, now)
            await delivery_store.requeue_lapsed(tx, now)
            claimed = await delivery_store.claim(tx, DELIVERIES, now, except_ids=self._sending)
            sealer = await endpoint_store.sealer(tx) if claimed else None
        if sealer is None:
            return []
        by_endpoint: dict[int, list[ClaimedDelivery]] = {}
        for delivery in claimed:
            by_endpoint.setdefault(delivery.endpoint_id, []).append(delivery)
        begun = {
            endpoint_id: self._ctx.pace.start(self._deliver(endpoint_id, own, sealer))
            for endpoint_id, own in by_endpoint.items()
        }
        self._sending |= begun
        return list(begun.values())

    def _forget_recorded(self) -> list[BaseException]:
        """Forget the batches that ended, so that their endpoints get further ones; return the errors of the others.

        The first is raised by the caller; all others are logged.
        """
        ended = [task for task in self._sending.values() if task.done()]
        self._sending = {i: task for i, task in self._sending.items() if task not in ended}
        errors = [error for task in ended if not task.cancelled() and (error := task.exception())]
        for error in errors[1:]:
            log.error("the outcome of deliveries could not be recorded", exc_info=error)
        return errors

    async def drain(self, limit_s: float) -> None:
        """Wait until what is being sent is recorded; what takes longer than `limit_s` is sent again after its lease."""
        slow = await self._ctx.pace.join(list(self._sending.values()), limit_s)
        for task in slow:
            task.cancel()
        if slow:
            await asyncio.wait(slow, timeout=1)

    async def _compose(self, now: datetime) -> int:
        async with self._ctx.work_db.tx() as tx:
            await fence(tx, now)
            changes = await change_store.claim(tx, CHANGES, now)
            composed = []
            for change in changes:
                error = await self._compose_one(tx, change, now)
                if error is None or await self._compose_parts(tx, change, error, now):
                    composed.append(change.id)
            await change_store.finish(tx, composed)
        return len(changes)

    async def _compose_parts(self, tx: Tx, change: Change, error: Exception, now: datetime) -> bool:
        """Compose each subject of a failed change separately, so that one error doesn't hold up the others.

        Return True if nothing is left of the change; the rest of it is retried.
        """
        parts = composer_registry.split(change)
        failed = [(change, error)]
        # each part would wait for the same lock
        if len(parts) > 1 and not isinstance(error, asyncpg.LockNotAvailableError):
            results = [(part, await self._compose_one(tx, part, now)) for part in parts]
            failed = [(part, part_error) for part, part_error in results if part_error]
        if not failed:
            return True
        error = failed[0][1]
        log.error("the events of a change cannot be composed", extra={"change": change.id}, exc_info=error)
        await change_store.fail(tx, composer_registry.joined([part for part, _ in failed]), repr(error), now)
        return False

    async def _compose_one(self, tx: Tx, change: Change, now: datetime) -> Exception | None:
        """Store the events of a change; return the error if that fails, which stores none of them."""
        try:
            async with tx.savepoint():
                events = await composer_registry.compose(tx, change, self._ctx.public_url, now)
                await delivery_store.insert_events(tx, [(new_message_id(), event) for event in events], now)
        except Exception as exc:
            if tx.conn.is_closed():
                raise
            return exc
        return None

    async def _send(self, delivery: ClaimedDelivery, sealer: Sealer) -> AttemptResult:
        at, began_s = self._ctx.clock.now(), self._ctx.pace.monotonic()

        def result(
            status: int | None, error: str, response: str = "", retry_after_s: float | None = None
        ) -> AttemptResult:
            took_ms = max(0, round((self._ctx.pace.monotonic() - began_s) * 1000))
            return AttemptResult(delivery, at, took_ms, status, error, response, retry_after_s)

        body = delivery.body.encode()
        try:
            context = endpoint_store.seal_context(delivery.endpoint_id)
            sealed = [delivery.secret, *([delivery.previous_secret] if delivery.previous_secret else [])]
            headers = request_headers(
                [sealer.open(each, context) for each in sealed], delivery.message_id, at, body
            )
            reply = await post(self._ctx.http, delivery.url, content=body, headers=headers, limit_s=LIMIT_S)
        except httpx.HTTPError as exc:
            return result(None, f"{type(exc).__name__}: {reason_of(exc)}"[:500])
        except httpx.InvalidURL:
            return result(None, "The address is not a valid URL.")
        except Invalid as exc:
            return result(None, exc.message)
        return result(reply.status, _error_of(reply), _shown(reply.text), reply.retry_after_s)

    async def _deliver(self, endpoint_id: int, claimed: Sequence[ClaimedDelivery], sealer: Sealer) -> None:
        """Send a batch to one endpoint, and record its outcome."""
        results = await asyncio.gather(*(self._send(each, sealer) for each in claimed))
        for result in results:
            self._ctx.counters.webhook_attempts["delivered" if result.is_ok else "failed"] += 1
        # one after the other, so that pages do not wait for a connection
        async with self._recording, self._ctx.work_db.tx() as tx:
            now = self._ctx.clock.now()
            endpoint = await endpoint_store.endpoint(tx, endpoint_id, lock=True)
            if endpoint is not None:
                await self._record(tx, endpoint, results, now)
            await tx.live(LIVE_TOPIC)

    async def _record(
        self, tx: Tx, endpoint: Endpoint, results: Sequence[AttemptResult], now: datetime
    ) -> None:
        health = circuit.Health(endpoint.failures, endpoint.failing_since, endpoint.resting_until)
        reason, last_success_at = "", None
        failed: set[int] = set()
        # whatever an endpoint accepted of a batch shows that it works
        for result in sorted(results, key=lambda each: each.is_ok):
            # the address was changed in between, which reset its health
            if result.delivery.url == endpoint.settings.url:
                health = circuit.after(health, is_ok=result.is_ok, now=now)
                last_success_at = now if result.is_ok else last_success_at
                if not result.is_ok:
                    failed.add(result.delivery.id)
                    is_alone = len(failed) == 1 and not await delivery_store.fails_another(
                        tx, endpoint.id, result.delivery.id, health.failing_since or now
                    )
                    reason = reason or circuit.disabled_because(health, result.status, now, is_alone=is_alone)
            jitter = self._ctx.pace.uniform(-1, 1)
            again_at = retry_at(HOOK_RETRIES, result.delivery.tries + 1, now, jitter, result.retry_after_s)
            await delivery_store.record(tx, result, again_at, now)
        await endpoint_store.set_health(tx, endpoint.id, health, last_success_at)
        if reason and last_success_at is None and endpoint.state is EndpointState.ACTIVE:
            await _disable(tx, endpoint, reason, now)


async def _disable(tx: Tx, endpoint: Endpoint, reason: str, now: datetime) -> None:
    """Disable an endpoint and notify the admins; what waits for it stays, and goes out once it is enabled."""
    await endpoint_store.set_state(tx, endpoint.id, EndpointState.DISABLED, reason)
    name = endpoint.settings.name
    await tx.audit(SYSTEM, "webhook.disabled", f"webhook:{endpoint.id}", now, name=name, reason=reason)
    note = f"{reason} It gets no events until you enable it; what it missed can be replayed until its retention ends."
    await notify.send_notices(
        tx,
        [
            Notice(
                f"webhook:{endpoint.id}:{now.isoformat()}:{admin.id}",
                admin.id,
                "webhook",
                f"The webhook {name} was disabled",
                note,
                f"/settings/webhooks/{endpoint.id}",
            )
            for admin in await people.people_with_role(tx, ADMINS)
        ],
        now,
    )


def new_message_id() -> str:
    """Return the id of a message, the same on every attempt and replay."""
    return f"msg_{uuid.uuid4().hex}"


def _error_of(reply: OutboundResponse) -> str:
    return "" if reply.ok else f"It answered {reply.status}."


def _shown(text: str) -> str:
    return cut(text.replace("\0", ""), RESPONSE_BYTES)
