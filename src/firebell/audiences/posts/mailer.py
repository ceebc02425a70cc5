"""The lane that sends posts by email: a few at a time, each to one address, never in the way of a page."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.audiences import webhooks
from firebell.audiences.model import DeliveryState
from firebell.audiences.posts import delivery_store, private_incidents
from firebell.audiences.posts.delivery_store import ClaimedMail
from firebell.channels.base import Accepted, Edges, Failed, Message, Outcome, Retry, Unsent
from firebell.channels.registry import CHANNELS
from firebell.kit.context import Context
from firebell.kit.db.migrate import fence
from firebell.status_pages.public.languages import ENGLISH, languages

log = logging.getLogger(__name__)

CONNECTIONS = 4
"""Number of messages that are sent at once; pages have their own connections."""
LEASE = timedelta(seconds=90)
"""Longer than an attempt; when a process dies, another sends the message after this time."""
RETRY_MINUTES = (5, 15, 60, 240)
"""Delays after failed attempts; then the message has failed."""
CHANNEL, WEBHOOK = CHANNELS["email"], CHANNELS["webhook"]


class AudienceMailer:
    """Sends the queued messages of posts through the mail server of the product, and to webhooks."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        edges = Edges(ctx.http, ctx.signer, ctx.channel_settings)
        self._mail, self._webhook = CHANNEL.open(edges), WEBHOOK.open(edges)
        self.upcoming: datetime | None = None
        self.is_unused = True

    async def run_once(self, now: datetime) -> int:
        """Send up to `CONNECTIONS` messages that are due, record the outcomes, and return their number.

        Of an incident that became private since, only its readers get theirs; the others are void.
        """
        async with self._ctx.work_db.tx() as tx:
            await fence(tx)
            claimed = await delivery_store.claim(tx, now, now + LEASE, CONNECTIONS)
            if not claimed:
                self.upcoming = await delivery_store.next_at(tx)
                self.is_unused = self.upcoming is None
                return 0
            withheld = await private_incidents.withheld(tx, claimed)
            if withheld:
                await delivery_store.void(tx, withheld, private_incidents.REASON)
                for incident_id in {mail.incident_id for mail in claimed if mail.id in withheld}:
                    await tx.live(f"inc-{incident_id}")
        sendable = [mail for mail in claimed if mail.id not in withheld]
        if sendable:
            outcomes = await asyncio.gather(*(self._send(mail) for mail in sendable))
            await self._record(list(zip(sendable, outcomes, strict=True)))
        return len(claimed)

    async def _send(self, mail: ClaimedMail) -> Outcome:
        try:
            async with self._ctx.pace.timeout(CHANNEL.attempt_limit_s):
                if webhooks.is_webhook(mail.address):
                    secret = webhooks.secret_of(self._ctx.signer, mail.address)
                    return await self._webhook.send(mail.address, event_of(mail, secret), message_key(mail))
                return await self._mail.send(mail.address, compose(mail), message_key(mail))
        except TimeoutError:
            return Retry(f"No answer within {CHANNEL.attempt_limit_s:g} s.")
        except Exception as exc:
            log.exception("a post cannot be sent", extra={"delivery": mail.id})
            return Retry(f"Sending failed: {exc!r}")

    async def _record(self, results: Sequence[tuple[ClaimedMail, Outcome]]) -> None:
        now = self._ctx.clock.now()
        async with self._ctx.work_db.tx() as tx:
            for mail, outcome in results:
                if isinstance(outcome, Unsent):
                    await delivery_store.release(tx, mail.id, now + timedelta(seconds=outcome.after_s))
                    continue
                state, reason, send_at = next_step(mail.attempts, outcome, now)
                await delivery_store.record(tx, mail.id, state, reason, send_at, now)
            for incident_id in {mail.incident_id for mail, _ in results}:
                await tx.live(f"inc-{incident_id}")


def message_key(mail: ClaimedMail) -> str:
    """Return the key of a message: the same on each attempt, and never that of a message lost by a restoration."""
    return f"audience-{mail.id}-{mail.created_at.timestamp():.0f}"


def compose(mail: ClaimedMail) -> Message:
    """Return the message to one recipient; who is outside reads why they get it, and no address of ours."""
    footer: tuple[str, ...] = ()
    if mail.is_external:
        t = languages().get(mail.locale, ENGLISH).text
        reason = (
            t("You get this as a contact of {customer}.", customer=mail.customer)
            if mail.customer
            else t("You get this because your address is in the list “{list}”.", list=mail.audience)
        )
        why = f"{reason} {t('Answer this email to be taken off the list.')}"
        footer = ("", "-- ", why)
    return Message(
        event="audience",
        title=mail.subject,
        urgency="low",
        composed_at=mail.created_at,
        markdown=mail.body,
        lines=footer,
        mail_subject=mail.subject,
    )


def event_of(mail: ClaimedMail, secret: bytes) -> Message:
    """Return the message to a webhook, signed with its secret."""
    return replace(
        compose(replace(mail, is_external=False)),
        type="audience.post",
        data={"incident": f"INC-{mail.incident_id}", "audience": mail.audience},
        signing_secrets=(secret,),
    )


def next_step(
    attempts: int, outcome: Accepted | Failed | Retry, now: datetime
) -> tuple[DeliveryState, str, datetime]:
    """Return the state after an attempt, why, and when the next attempt is (spec 7.13)."""
    if isinstance(outcome, Accepted):
        return DeliveryState.SENT, "", now
    if isinstance(outcome, Failed) or attempts >= len(RETRY_MINUTES):
        return DeliveryState.FAILED, outcome.reason, now
    wait = timedelta(minutes=RETRY_MINUTES[attempts])
    if outcome.after_s is not None:
        wait = max(wait, timedelta(seconds=outcome.after_s))
    return DeliveryState.QUEUED, outcome.reason, now + wait
