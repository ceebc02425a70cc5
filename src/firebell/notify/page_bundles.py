"""Pages that reach a person by the same text messages or calls at nearly the same time are one message (spec 2.4)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from firebell.channels.base import Message, Outcome
from firebell.channels.registry import CHANNELS
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.notify import bundle_store, reply_code_store
from firebell.notify.bundled_message import bundled, by_severity
from firebell.notify.held_messages import Bundle
from firebell.notify.model import BUNDLE_KIND, REMINDER, Delivery

WINDOW = timedelta(seconds=60)
"""How long after a message the next pages to the same contact method wait for each other."""
BUNDLING = frozenset(kind for kind, channel in CHANNELS.items() if channel.bundles)
_PAGE = "page"
"""The kind of subject, and the reason of a delivery, of a page: `paging` is above this slice."""
_WAITING_REASONS = frozenset({_PAGE, REMINDER})

Composed = tuple[Delivery, Message | Outcome]


def _is_bundleable(delivery: Delivery) -> bool:
    return delivery.subject_kind == _PAGE and delivery.channel in BUNDLING and not delivery.held


def _is_new(delivery: Delivery) -> bool:
    """Return True if it was never sent: what may have arrived alone, or with others, is repeated as it was."""
    return delivery.bundle_id is None and delivery.attempts <= 1 and not delivery.lost_claims


def _may_wait(delivery: Delivery) -> bool:
    """Return True unless it is among the most severe, an alarm, a repetition, or waited before."""
    return (
        _is_new(delivery)
        and delivery.rank > 0
        and delivery.reason in _WAITING_REASONS
        and not delivery.bundle_wait
    )


def waits(candidates: Sequence[Delivery], latest: Mapping[int, datetime]) -> dict[int, datetime]:
    """Return until when deliveries wait, because a message went to their contact method a moment ago; pure.

    `latest` are the latest messages by contact method. If one of its pages cannot wait, the others go with it.
    """
    by_method: dict[int, list[Delivery]] = defaultdict(list)
    for delivery in candidates:
        if _is_new(delivery):
            by_method[delivery.method_id].append(delivery)
    return {
        delivery.id: latest[method] + WINDOW
        for method, own in by_method.items()
        if method in latest and all(map(_may_wait, own))
        for delivery in own
    }


async def gather(tx: Tx, claimed: Sequence[Delivery], now: datetime) -> list[Delivery]:
    """Return what is sent now of leased deliveries, with what goes along to the same contact methods.

    The first page to a contact method waits for nothing; what follows within `WINDOW` waits for its end, once.
    """
    candidates = [delivery for delivery in claimed if _is_bundleable(delivery)]
    if not candidates:
        return list(claimed)
    methods, ids = sorted({d.method_id for d in candidates}), [d.id for d in candidates]
    latest = await bundle_store.latest_messages(tx, methods, ids, now - WINDOW, now)
    waiting = waits(candidates, latest)
    if waiting:
        await bundle_store.wait(tx, list(waiting.items()))
    going = [delivery for delivery in candidates if delivery.id not in waiting]
    ending_waits = {delivery.method_id for delivery in going if _is_new(delivery)}
    # what waits goes with the next new message
    along = (
        await bundle_store.claim_along(tx, {d.method_id for d in going}, ending_waits, now) if going else []
    )
    return [*(d for d in claimed if d.id not in waiting), *along]


async def bundle(
    tx: Tx, ctx: Context, composed: Sequence[Composed], now: datetime
) -> tuple[list[Bundle], list[Composed]]:
    """Return the messages about several pages, and what is sent alone."""
    groups: dict[tuple[int, int], list[tuple[Delivery, Message]]] = defaultdict(list)
    for delivery, message in composed:
        if isinstance(message, Message) and _is_bundleable(delivery):
            new = 0 if _is_new(delivery) else -delivery.id
            groups[delivery.method_id, delivery.bundle_id or new].append((delivery, message))
    together = {key: by_severity(group) for key, group in groups.items() if len(group) > 1}
    if not together:
        return [], list(composed)
    bundle_ids = {key: key[1] or min(delivery.id for delivery, _ in group) for key, group in together.items()}
    first = [(delivery.id, bundle_ids[key]) for key, group in together.items() for delivery, _ in group]
    await bundle_store.save_bundles(tx, first)
    codes = await _codes(tx, ctx, {bundle_ids[key]: group[0][0] for key, group in together.items()}, now)
    bundles = []
    for key, group in together.items():
        deliveries, messages = zip(*group, strict=True)
        message = bundled(messages, codes.get(bundle_ids[key], 0), f"{ctx.public_url}/pages")
        bundles.append(Bundle(deliveries, message))
    in_bundles = {delivery_id for delivery_id, _ in first}
    return bundles, [(delivery, message) for delivery, message in composed if delivery.id not in in_bundles]


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
