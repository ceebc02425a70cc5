"""What of the schema of Adaptive Cards 1.4 (adaptivecards.io) our cards use, and the limit of a workflow."""

import json
from typing import Any

MAX_BYTES = 28_000
_WORDS = {
    "weight": {"default", "lighter", "bolder"},
    "size": {"default", "small", "medium", "large", "extralarge"},
    "style": {"default", "emphasis", "good", "attention", "warning", "accent"},
}
_REQUIRED = {"TextBlock": {"text"}, "FactSet": {"facts"}, "Container": {"items"}, "Action.OpenUrl": {"url"}}
_ALLOWED = {
    "TextBlock": {"type", "text", "wrap", "weight", "size", "isSubtle"},
    "FactSet": {"type", "facts"},
    "Container": {"type", "items", "style"},
    "Action.OpenUrl": {"type", "title", "url"},
}


def of_message(message: dict[str, Any]) -> list[str]:
    """Return what is wrong with a message that holds one card."""
    (attachment,) = message["attachments"]
    card = attachment["content"]
    wrong = [
        *([] if message["type"] == "message" else ["type of the message"]),
        *([] if attachment["contentType"] == "application/vnd.microsoft.card.adaptive" else ["content type"]),
        *([] if (card["type"], card["version"]) == ("AdaptiveCard", "1.4") else ["type of the card"]),
        *([] if card["body"] else ["empty body"]),
        *([] if len(json.dumps(message, ensure_ascii=False).encode()) <= MAX_BYTES else ["size"]),
    ]
    return wrong + [each for item in (*card["body"], *card.get("actions", ())) for each in _element(item)]


def _element(item: dict[str, Any]) -> list[str]:
    kind = item.get("type", "")
    if kind not in _ALLOWED:
        return [f"element {kind}"]
    wrong = [f"{kind} without {name}" for name in _REQUIRED[kind] if not item.get(name)]
    wrong += [f"{kind} with {name}" for name in set(item) - _ALLOWED[kind]]
    wrong += [
        f"{name} {item[name]}"
        for name, words in _WORDS.items()
        if name in item and item[name].casefold() not in words
    ]
    if kind == "FactSet":
        wrong += ["fact" for fact in item["facts"] if set(fact) != {"title", "value"}]
    if kind == "Action.OpenUrl" and not item["url"].startswith("http"):
        wrong.append("url")
    return wrong + [each for inner in item.get("items", ()) for each in _element(inner)]
