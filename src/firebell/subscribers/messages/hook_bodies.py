"""The bodies of webhooks, and of messages to incoming webhooks of Slack and Teams (pure; spec 7.11)."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from firebell.kit.truncation import cut
from firebell.status_pages.public.languages import Language
from firebell.subscribers.messages.mail_format import plain_paragraphs
from firebell.subscribers.messages.update_texts import title_of, update_paragraphs

MAX_BODY_BYTES = 20_000
_TEXT_BYTES = 3000


def instant(at: datetime) -> str:
    """Return an instant in UTC to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def webhook_body(kind: str, at: datetime, data: Mapping[str, Any]) -> bytes:
    """Return `{type, timestamp, data}` of at most 20 KB: the oldest updates are left out, and `truncated` says so."""
    data = dict(data)
    body = _encoded(kind, at, data)
    if len(body) <= MAX_BODY_BYTES:
        return body
    updates = list(data.get("incident_updates", ()))
    data["truncated"] = True
    while len(body) > MAX_BODY_BYTES and len(updates) > 1:
        updates.pop()
        data["incident_updates"] = updates
        body = _encoded(kind, at, data)
    for limit in (8000, 2000):
        if len(body) > MAX_BODY_BYTES:
            updates = [{**each, "body": cut(each.get("body", ""), limit)} for each in updates]
            body = _encoded(kind, at, {**data, "incident_updates": updates})
    return body


def _encoded(kind: str, at: datetime, data: Mapping[str, Any]) -> bytes:
    body = {"type": kind, "timestamp": instant(at), "data": data}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def slack_body(title: str, paragraphs: Sequence[str], link: tuple[str, str]) -> bytes:
    """Return a message of Slack; text that people wrote neither formats nor mentions."""
    text = cut("\n".join(paragraphs), _TEXT_BYTES)
    whole = f"*{_slack(title)}*\n{_slack(text)}\n<{link[1]}|{_slack(link[0])}>"
    return json.dumps({"text": whole, "unfurl_links": False}, ensure_ascii=False).encode()


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def teams_body(title: str, paragraphs: Sequence[str], link: tuple[str, str]) -> bytes:
    """Return a message of Teams: an Adaptive Card whose text is not read as Markdown."""

    def block(text: str, **more: object) -> dict[str, Any]:
        runs = [{"type": "TextRun", "text": text, **more}]
        return {"type": "RichTextBlock", "inlines": runs}

    card = {
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [block(title, weight="Bolder"), *(block(cut(p, _TEXT_BYTES)) for p in paragraphs[:10])],
        "actions": [{"type": "Action.OpenUrl", "title": link[0], "url": link[1]}],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return json.dumps({"type": "message", "attachments": [attachment]}, ensure_ascii=False).encode()


def chat_text(
    content: Mapping[str, Any], carried: Sequence[Mapping[str, Any]], tz: str, language: Language
) -> tuple[str, list[str]]:
    """Return the title and paragraphs of a message about something published."""
    title = f"{content['page']}: {title_of(content, language)}"
    return title, plain_paragraphs(update_paragraphs(content, carried, tz, language))
