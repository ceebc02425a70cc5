"""What a delivery says, as a mail or as a message to a webhook."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from firebell.kit.context import Context
from firebell.kit.mail.addresses import Mailbox
from firebell.status_pages.public.languages import ENGLISH, Language, languages
from firebell.subscribers.messages import hook_bodies, mail_format, sms_texts, update_texts
from firebell.subscribers.messages.mail_format import Envelope, MailText
from firebell.subscribers.model import (
    CHANNEL_LABELS,
    Broadcast,
    ClaimedDelivery,
    Purpose,
    SubscriberChannel,
)
from firebell.subscribers.subscribing import confirmation_codes, links


@dataclass(frozen=True, slots=True)
class News:
    """The broadcast of a delivery, and the earlier ones that it carries, newest first."""

    broadcast: Broadcast
    carried: Sequence[Broadcast]


def news_of(delivery: ClaimedDelivery, broadcasts: Mapping[int, Broadcast]) -> News | None:
    """Return what a delivery is about, None if it is about the subscription itself.

    If the page is private now, it has no text, whatever the page was when the update was published.
    """
    broadcast = broadcasts.get(delivery.broadcast_id or 0)
    if broadcast is None:
        return None
    carried = [broadcasts[i] for i in delivery.carried if i in broadcasts]
    if delivery.is_private:
        broadcast, *carried = (_without_text(each) for each in (broadcast, *carried))
    return News(broadcast, sorted(carried, key=lambda each: each.seq, reverse=True))


def _without_text(broadcast: Broadcast) -> Broadcast:
    return replace(broadcast, content=update_texts.without_text(broadcast.content))


def _site_url(ctx: Context, delivery: ClaimedDelivery) -> str:
    """Return the address of the host that serves the status page: its own, if it has one."""
    return f"{urlsplit(ctx.public_url).scheme}://{delivery.host}" if delivery.host else ctx.public_url


def _home_url(ctx: Context, delivery: ClaimedDelivery) -> str:
    """Return the address of the status page."""
    return _site_url(ctx, delivery) + ("" if delivery.host else f"/s/{delivery.slug}")


def _page_url(ctx: Context, delivery: ClaimedDelivery) -> str:
    """Return the address of the status page in the language of the subscriber."""
    return _home_url(ctx, delivery) + ("" if delivery.is_default_locale else f"/{delivery.locale}")


def _link(ctx: Context, delivery: ClaimedDelivery, token: str) -> str:
    return f"{_site_url(ctx, delivery)}/u/{token}"


def _language(delivery: ClaimedDelivery) -> Language:
    return languages().get(delivery.locale, ENGLISH)


def mail_of(
    ctx: Context, delivery: ClaimedDelivery, news: News | None, sender: Mailbox, now: datetime
) -> bytes:
    """Return the mail of a delivery."""
    manage_url = _link(ctx, delivery, links.manage_token(ctx.signer, delivery.subscriber))
    envelope = Envelope(
        delivery.subscriber.mailbox,
        delivery.key,
        sender,
        delivery.slug,
        delivery.page_name,
        ctx.signer.mail_token(delivery.id),
        manage_url if news else "",
    )
    text = _news_text(ctx, delivery, news, manage_url) if news else _own_text(ctx, delivery, manage_url, now)
    language = _language(delivery)
    text = replace(text, locale=language.code, direction=language.direction)
    return mail_format.compose(text, envelope, now)


def _news_text(ctx: Context, delivery: ClaimedDelivery, news: News, manage_url: str) -> MailText:
    content, language = news.broadcast.content, _language(delivery)
    t = language.text
    carried = [each.content for each in news.carried]
    return MailText(
        update_texts.subject_of(content, language),
        update_texts.update_paragraphs(content, carried, delivery.tz, language),
        (t("Open status page"), f"{_page_url(ctx, delivery)}{content['path']}"),
        [(t("Unsubscribe"), manage_url), (t("Change what you get"), manage_url)],
        t("You get this because you subscribed to the status of {name}.", name=delivery.page_name),
    )


def _own_text(ctx: Context, delivery: ClaimedDelivery, manage_url: str, now: datetime) -> MailText:
    """Return a text about the subscription; it repeats nothing that was typed into the form."""
    subscriber, t = delivery.subscriber, _language(delivery).text
    name = delivery.page_name
    if subscriber.channel is not SubscriberChannel.EMAIL:
        name = f"{name} ({CHANNEL_LABELS[subscriber.channel]})"
    if delivery.purpose is Purpose.CONFIRM:
        return MailText(
            t("Confirm your subscription to {name}", name=name),
            [
                t("Someone, probably you, asked for updates about the status of {name}.", name=name),
                f"{t('Nothing is sent before you confirm. The link works for 48 hours.')} "
                + t("If it was not you, open it and choose “I didn’t ask for this”, or ignore this email."),
            ],
            (
                t("Confirm subscription"),
                _link(ctx, delivery, links.confirm_token(ctx.signer, subscriber)),
            ),
        )
    if delivery.purpose is Purpose.UNSUBSCRIBED:
        return MailText(
            t("You’ve been unsubscribed from {name}", name=name),
            [
                t("You won’t get any more updates about {name}.", name=name),
                t("If that was a mistake, you can undo it for 7 days."),
            ],
            (t("Undo"), _link(ctx, delivery, links.undo_token(ctx.signer, subscriber, now))),
        )
    if delivery.purpose is Purpose.STOPPED:
        return MailText(
            t("Your webhook for {name} was stopped", name=delivery.page_name),
            [
                subscriber.failure or t("It did not answer."),
                t("Nothing more is sent to it. Subscribe it again once it works."),
            ],
            (t("Open status page"), _page_url(ctx, delivery)),
        )
    return MailText(
        t("You’re already subscribed to {name}", name=name),
        [t("You already get updates about the status of {name}.", name=name)],
        (t("Change settings"), manage_url),
    )


def hook_body_of(ctx: Context, delivery: ClaimedDelivery, news: News | None, now: datetime) -> bytes:
    """Return the body of a message to a webhook, to Slack or to Teams."""
    url, channel = _home_url(ctx, delivery), delivery.subscriber.channel
    if channel is SubscriberChannel.WEBHOOK:
        if news is None:
            kind = "subscription.challenge" if delivery.purpose is Purpose.CHALLENGE else "subscription.test"
            return hook_bodies.webhook_body(kind, now, {"challenge": delivery.key})
        document = dict(news.broadcast.content["document"])
        document["shortlink"] = f"{url}{news.broadcast.content['path']}"
        document["page"] = {"id": delivery.slug, "name": delivery.page_name, "url": url}
        return hook_bodies.webhook_body(news.broadcast.type, news.broadcast.published_at, document)
    write = hook_bodies.slack_body if channel is SubscriberChannel.SLACK else hook_bodies.teams_body
    url, language = _page_url(ctx, delivery), _language(delivery)
    t = language.text
    if news is None:
        if delivery.purpose is not Purpose.CONFIRM:
            text = t("This is a test. Updates will look like this.")
            return write(delivery.page_name, [text], (t("Open status page"), url))
        link = _link(ctx, delivery, links.confirm_token(ctx.signer, delivery.subscriber))
        text = t("Someone asked for status updates in this channel. Nothing is sent before you confirm.")
        return write(delivery.page_name, [text], (t("Confirm subscription"), link))
    content = news.broadcast.content
    carried = [each.content for each in news.carried]
    title, paragraphs = hook_bodies.chat_text(content, carried, delivery.tz, language)
    return write(title, paragraphs, (t("Open status page"), f"{url}{content['path']}"))


def sms_text_of(ctx: Context, delivery: ClaimedDelivery, news: News | None) -> str:
    """Return the text message of a delivery."""
    subscriber, language, name = delivery.subscriber, _language(delivery), delivery.page_name
    manage_url = _link(ctx, delivery, links.manage_token(ctx.signer, subscriber))
    ending = sms_texts.opt_out(subscriber.address, manage_url, language)
    if news is not None:
        content = news.broadcast.content
        url = f"{_page_url(ctx, delivery)}{content['path']}"
        return sms_texts.news(content, url, ending, delivery.tz, language)
    if delivery.purpose is Purpose.CONFIRM and delivery.is_private:
        link = _link(ctx, delivery, links.confirm_token(ctx.signer, subscriber))
        return sms_texts.invitation(name, link, language)
    if delivery.purpose is Purpose.CONFIRM:
        seed = ctx.signer.seed(confirmation_codes.SEED)
        code = confirmation_codes.code_of(seed, subscriber.id, subscriber.confirm_generation)
        return sms_texts.code(code, name, f"{_page_url(ctx, delivery)}/subscribe/code", language)
    if delivery.purpose is Purpose.ALREADY:
        return sms_texts.already(name, manage_url, language)
    return sms_texts.test(name, ending, language)


def echoes(delivery: ClaimedDelivery, answer: str) -> bool:
    """Return True if a webhook answered a challenge with it, as JSON or as the whole text."""
    if answer.strip() == delivery.key:
        return True
    try:
        value = json.loads(answer)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("challenge") == delivery.key
