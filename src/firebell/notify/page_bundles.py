"""Pages that reach a person by the same text messages or calls at nearly the same time are one message (spec 2.4)."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from firebell.channels.base import Message, Outcome
from firebell.channels.registry import CHANNELS
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.savepoints import attempt
from firebell.notify.composing import bundle_store, reply_code_store
from firebell.notify.composing.bundled_message import bundled_message, by_severity
from firebell.notify.held_messages import SendGroup
from firebell.notify.model import BUNDLE_KIND, REMINDER, Delivery

log = logging.getLogger(__name__)

WINDOW = timedelta(seconds=60)
"""How long after a message the next pages to the same contact method wait for each other."""
BUNDLING = frozenset(kind for kind, channel in CHANNELS.items() if channel.bundles_pages)
_PAGE = "page"
"""The kind of subject, and the reason of a delivery, of a page: `paging` is above this slice."""
_WAITING_REASONS = frozenset({_PAGE, REMINDER})

Composed = tuple[Delivery, Message | Outcome]


def _is_bundleable(delivery: Delivery) -> bool:
    return (
        delivery.subject_kind == _PAGE
        and delivery.channel in BUNDLING
        and not delivery.held
        and not delivery.is_drill
    )


def _is_new(delivery: Delivery) -> bool:
    """Return True if it was never sent: what may have arrived alone, or with others, is repeated as it was."""
    return delivery.bundle_id is None and delivery.attempts <= 1 and not delivery.lost_claims


def _may_wait(delivery: Delivery) -> bool:
    """Return True unless it is among the most severe, an alarm, a repetition, or waited before."""
    return (
        _is_new(delivery)
        and delivery.rank > 0
        and delivery.reason in _WAITING_REASONS
        and not delivery.has_waited
    )


def wait_ends(
    candidates: Sequence[Delivery], latest: Mapping[int, datetime], now: datetime
) -> dict[int, datetime]:
    """Return until when deliveries wait, because a message went to their contact method a moment ago; pure.

    `latest` are the latest messages by contact method. If one of its pages cannot wait, the others go with it. No
    wait is longer than `WINDOW`: a message of the future was sent before the clock was set back.
    """
    ends = {method: sent_at + WINDOW for method, sent_at in latest.items() if now - WINDOW < sent_at <= now}
    by_method: dict[int, list[Delivery]] = defaultdict(list)
    for delivery in candidates:
        if _is_new(delivery):
            by_method[delivery.method_id].append(delivery)
    return {
        delivery.id: ends[method]
        for method, own in by_method.items()
        if method in ends and all(map(_may_wait, own))
        for delivery in own
    }


async def gather(tx: Tx, claimed: Sequence[Delivery], now: datetime) -> list[Delivery]:
    """Return what is sent now of leased deliveries, with what goes along to the same contact methods.

    The first page to a contact method waits for nothing; what follows within `WINDOW` waits for its end, once. If that
    cannot be decided, everything is sent now.
    """
    candidates = [delivery for delivery in claimed if _is_bundleable(delivery)]
    if not candidates:
        return list(claimed)
    gathered: list[Delivery] | None = None
    async with attempt(tx, log, "pages cannot wait for each other", deliveries=[d.id for d in candidates]):
        gathered = await _gathered(tx, claimed, candidates, now)
    return list(claimed) if gathered is None else gathered


async def _gathered(
    tx: Tx, claimed: Sequence[Delivery], candidates: Sequence[Delivery], now: datetime
) -> list[Delivery]:
    methods, ids = sorted({d.method_id for d in candidates}), [d.id for d in candidates]
    latest = await bundle_store.latest_messages(tx, methods, ids, now - WINDOW, now)
    waiting = wait_ends(candidates, latest, now)
    if waiting:
        await bundle_store.wait(tx, list(waiting.items()))
    going = [delivery for delivery in candidates if delivery.id not in waiting]
    joined = {delivery.method_id for delivery in going if _is_new(delivery)}
    along: Sequence[Delivery] = ()
    # what is tried again alone takes nothing along
    if joined or any(delivery.bundle_id for delivery in going):
        along = await bundle_store.claim_along(tx, {d.method_id for d in going}, joined, now)
    return [*(d for d in claimed if d.id not in waiting), *along]


async def bundle(
    tx: Tx, ctx: Context, composed: Sequence[Composed], now: datetime
) -> tuple[list[SendGroup], list[Composed]]:
    """Return the messages about several pages, and what is sent alone; if they cannot be made, all are sent alone."""
    groups: dict[tuple[int, str, int], list[tuple[Delivery, Message]]] = defaultdict(list)
    for delivery, message in composed:
        if isinstance(message, Message) and _is_bundleable(delivery):
            # what was sent alone before is sent alone again
            bundle_id = delivery.bundle_id or (0 if _is_new(delivery) else -delivery.id)
            # a contact method can have a new address by now
            groups[delivery.method_id, delivery.address, bundle_id].append((delivery, message))
    together = {
        bundle_id or min(delivery.id for delivery, _ in group): by_severity(group)
        for (_, _, bundle_id), group in groups.items()
        if len(group) > 1
    }
    if not together:
        return [], list(composed)
    bundles: list[SendGroup] = []
    async with attempt(tx, log, "messages about several pages cannot be made", bundles=list(together)):
        bundles = await _bundles(tx, ctx, together, now)
    bundled_ids = {delivery.id for each in bundles for delivery in each.deliveries}
    return bundles, [(delivery, message) for delivery, message in composed if delivery.id not in bundled_ids]


async def _bundles(
    tx: Tx, ctx: Context, together: Mapping[int, Sequence[tuple[Delivery, Message]]], now: datetime
) -> list[SendGroup]:
    members = [(delivery.id, bundle_id) for bundle_id, group in together.items() for delivery, _ in group]
    await bundle_store.save_bundles(tx, members)
    codes = await _codes(tx, ctx, {bundle_id: group[0][0] for bundle_id, group in together.items()}, now)
    return [
        SendGroup(
            tuple(delivery for delivery, _ in group),
            bundled_message([message for _, message in group], codes.get(bundle_id, 0), ctx.inbox_url),
        )
        for bundle_id, group in together.items()
    ]


async def _codes(tx: Tx, ctx: Context, first: Mapping[int, Delivery], now: datetime) -> dict[int, int]:
    """Return the reply code of each bundle whose channel takes replies, given its first delivery."""
    channels = [kind for kind, each in CHANNELS.items() if each.takes_replies(ctx.channel_settings)]
    answerable = [
        (delivery.person_id, BUNDLE_KIND, bundle_id)
        for bundle_id, delivery in first.items()
        if delivery.channel in channels
    ]
    if not answerable:
        return {}
    codes = await reply_code_store.give(tx, answerable, channels, now)
    return {bundle_id: code for (_, _, bundle_id), code in codes.items()}
