"""What a delivery says, as a mail or as a message to a webhook."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.context import Context
from firebell.kit.mail.mailbox import Mailbox
from firebell.subscribers import hook_bodies, links, mail_format, update_texts
from firebell.subscribers.mail_format import Envelope, MailText
from firebell.subscribers.model import (
    CHANNEL_LABELS,
    Broadcast,
    ClaimedDelivery,
    Purpose,
    SubscriberChannel,
)

UNSUBSCRIBE, MANAGE = "Unsubscribe", "Change what you get"


@dataclass(frozen=True, slots=True)
class News:
    """The broadcast of a delivery, and the earlier ones that it carries, newest first."""

    broadcast: Broadcast
    carried: Sequence[Broadcast]


def news_of(delivery: ClaimedDelivery, broadcasts: Mapping[int, Broadcast]) -> News | None:
    """Return what a delivery is about, None if it is about the subscription itself."""
    broadcast = broadcasts.get(delivery.broadcast_id or 0)
    if broadcast is None:
        return None
    carried = [broadcasts[i] for i in delivery.carried if i in broadcasts]
    return News(broadcast, sorted(carried, key=lambda each: each.seq, reverse=True))


def page_url(ctx: Context, delivery: ClaimedDelivery) -> str:
    """Return the address of the status page."""
    return f"{ctx.public_url}/s/{delivery.slug}"


def mail_of(
    ctx: Context, delivery: ClaimedDelivery, news: News | None, sender: Mailbox, now: datetime
) -> bytes:
    """Return the mail of a delivery."""
    manage_url = f"{ctx.public_url}/u/{links.manage_token(ctx.signer, delivery.subscriber)}"
    envelope = Envelope(
        delivery.subscriber.mailbox,
        delivery.key,
        sender,
        delivery.slug,
        delivery.page_name,
        manage_url if news else "",
    )
    text = _news_text(ctx, delivery, news, manage_url) if news else _own_text(ctx, delivery, manage_url, now)
    return mail_format.compose(text, envelope, now)


def _news_text(ctx: Context, delivery: ClaimedDelivery, news: News, manage_url: str) -> MailText:
    content = news.broadcast.content
    carried = [each.content for each in news.carried]
    return MailText(
        update_texts.subject_of(content),
        update_texts.update_paragraphs(content, carried, delivery.tz),
        ("Open status page", f"{page_url(ctx, delivery)}{content['path']}"),
        [(UNSUBSCRIBE, manage_url), (MANAGE, manage_url)],
        f"You get this because you subscribed to the status of {delivery.page_name}.",
    )


def _own_text(ctx: Context, delivery: ClaimedDelivery, manage_url: str, now: datetime) -> MailText:
    """Return a text about the subscription; it repeats nothing that was typed into the form."""
    name, subscriber = delivery.page_name, delivery.subscriber
    what = (
        "" if subscriber.channel is SubscriberChannel.EMAIL else f" by {CHANNEL_LABELS[subscriber.channel]}"
    )
    if delivery.purpose is Purpose.CONFIRM:
        url = f"{ctx.public_url}/u/{links.confirm_token(ctx.signer, subscriber)}"
        return MailText(
            f"Confirm your subscription to {name}",
            [
                f"Someone, probably you, asked for updates about the status of {name}{what}.",
                "Nothing is sent before you confirm. The link works for 48 hours. If it was not you, open it and"
                " choose “I didn’t ask for this”, or ignore this mail.",
            ],
            ("Confirm subscription", url),
        )
    if delivery.purpose is Purpose.UNSUBSCRIBED:
        url = f"{ctx.public_url}/u/{links.undo_token(ctx.signer, subscriber, now)}"
        return MailText(
            f"You’ve been unsubscribed from {name}",
            [
                f"You get no more updates about {name}{what}.",
                "If that was a mistake, you can undo it for 7 days.",
            ],
            ("Undo", url),
        )
    if delivery.purpose is Purpose.STOPPED:
        return MailText(
            f"Your webhook for {name} was stopped",
            [
                f"{subscriber.failure or 'It did not answer.'}",
                "Nothing more is sent to it. Subscribe it again once it works.",
            ],
            ("Open status page", page_url(ctx, delivery)),
        )
    return MailText(
        f"You’re already subscribed to {name}",
        [f"You already get updates about the status of {name}{what}."],
        ("Change settings", manage_url),
    )


def hook_body_of(ctx: Context, delivery: ClaimedDelivery, news: News | None, now: datetime) -> bytes:
    """Return the body of a message to a webhook, to Slack or to Teams."""
    url, channel = page_url(ctx, delivery), delivery.subscriber.channel
    if channel is SubscriberChannel.WEBHOOK:
        if news is None:
            kind = "subscription.challenge" if delivery.purpose is Purpose.CHALLENGE else "subscription.test"
            return hook_bodies.webhook_body(kind, now, {"challenge": delivery.key})
        document = dict(news.broadcast.content["document"])
        document["shortlink"] = f"{url}{news.broadcast.content['path']}"
        document["page"] = {"id": delivery.slug, "name": delivery.page_name, "url": url}
        return hook_bodies.webhook_body(news.broadcast.type, news.broadcast.published_at, document)
    write = hook_bodies.slack_body if channel is SubscriberChannel.SLACK else hook_bodies.teams_body
    if news is None:
        if delivery.purpose is not Purpose.CONFIRM:
            return write(delivery.page_name, ["This is a test. Updates will look like this."], ("Open", url))
        link = f"{ctx.public_url}/u/{links.confirm_token(ctx.signer, delivery.subscriber)}"
        text = "Someone asked for status updates in this channel. Nothing is sent before you confirm."
        return write(delivery.page_name, [text], ("Confirm subscription", link))
    content = news.broadcast.content
    title, paragraphs = hook_bodies.chat_text(content, [each.content for each in news.carried], delivery.tz)
    return write(title, paragraphs, ("Open status page", f"{url}{content['path']}"))


def echoes(delivery: ClaimedDelivery, answer: str) -> bool:
    """Return True if a webhook answered a challenge with it, as JSON or as the whole text."""
    if answer.strip() == delivery.key:
        return True
    try:
        value = json.loads(answer)
    except ValueError:
        return False
    return isinstance(value, dict) and value.get("challenge") == delivery.key
