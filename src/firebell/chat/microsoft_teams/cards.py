"""Messages as Adaptive Cards for a Workflows webhook (pure); buttons only open pages."""

import json
from typing import Any

from firebell.chat.adapter_base.markdown_text import escape
from firebell.chat.adapter_base.message_model import Content, clip

MAX_BYTES = 20_000
"""A workflow accepts any card and then fails unseen if it has more than about 28 KB, markup of Teams included."""
_VERSION = "1.4"
_MAX_ACTIONS = 5


def _text(text: str, limit: int, **more: Any) -> dict[str, Any]:
    return {"type": "TextBlock", "text": escape(clip(text, limit)), "wrap": True, **more}


def _card(content: Content, room: int) -> dict[str, Any]:
    body: list[dict[str, Any]] = []
    if content.title:
        body.append(_text(content.title, 300, weight="Bolder", size="Medium"))
    if content.status:
        body.append(_text(content.status, 300, isSubtle=True))
    body += [_text(paragraph, room) for paragraph in content.paragraphs]
    if content.fields:
        facts = [{"title": label, "value": escape(clip(value, room))} for label, value in content.fields]
        body.append({"type": "FactSet", "facts": facts})
    if content.quote:
        items = [_text(content.quote.heading, 100, weight="Bolder")] if content.quote.heading else []
        body.append(
            {"type": "Container", "style": "emphasis", "items": [*items, _text(content.quote.text, room)]}
        )
    if content.footer:
        body.append(_text(content.footer, 300, isSubtle=True, size="Small"))
    links = [(link.label, link.url) for link in content.links]
    links += [(button.label, button.url) for button in content.buttons if button.url]
    actions = [
        {"type": "Action.OpenUrl", "title": clip(label, 60), "url": url}
        for label, url in links[:_MAX_ACTIONS]
    ]
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": _VERSION,
        "body": body or [_text(content.text or "Firebell", room)],
        **({"actions": actions} if actions else {}),
        "msteams": {"width": "Full"},
    }


def message(content: Content, *, plain: bool = False) -> dict[str, Any]:
    """Return the body of a post within the limit; a longer one is cut, its links stay."""
    if plain:
        content = Content(text=content.text, links=content.links)
    room = 4_000
    while True:
        card = _card(content, room)
        body = {
            "type": "message",
            "attachments": [
                {
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "contentUrl": None,
                    "content": card,
                }
            ],
        }
        if len(json.dumps(body, ensure_ascii=False).encode()) <= MAX_BYTES or room < 100:
            return body
        room //= 2
