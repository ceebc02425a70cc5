"""The limits of Slack's blocks (https://docs.slack.dev/reference/block-kit), which Slack enforces with an error."""

from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

TEXT_LIMITS = {"section": 3000, "header": 150, "context": 2000, "button": 75, "field": 2000, "option": 75}


class Refused(Exception):  # noqa: N818 - reads as a statement where it is raised
    """Slack would refuse this; the code is the error that it answers."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code


def utf16(text: str) -> int:
    """Return the length in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def _text(text: Any, limit: int, where: str, *, plain: bool = False) -> None:
    if not isinstance(text, dict) or text.get("type") not in ("plain_text", "mrkdwn"):
        raise Refused("invalid_blocks", f"{where} is no text object")
    if plain and text["type"] != "plain_text":
        raise Refused("invalid_blocks", f"{where} must be plain text")
    if not 1 <= utf16(text.get("text", "")) <= limit:
        raise Refused("invalid_blocks", f"{where} has {utf16(text.get('text', ''))} of {limit} characters")


def _button(button: dict[str, Any]) -> None:
    _text(button.get("text"), TEXT_LIMITS["button"], "a button", plain=True)
    if not 1 <= len(button.get("action_id", "")) <= 255:
        raise Refused("invalid_blocks", "the action_id of a button")
    if len(button.get("value", "")) > 2000 or len(button.get("url", "")) > 3000:
        raise Refused("invalid_blocks", "the value or address of a button")
    if button.get("style", "primary") not in ("primary", "danger"):
        raise Refused("invalid_blocks", "the style of a button")
    if confirm := button.get("confirm"):
        for name, limit in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
            _text(confirm.get(name), limit, f"the {name} of a question")


def _element(element: dict[str, Any]) -> None:
    match element.get("type"):
        case "button":
            _button(element)
        case "overflow":
            options = element.get("options", [])
            if not 1 <= len(options) <= 5:
                raise Refused("invalid_blocks", f"{len(options)} options of an overflow")
            for option in options:
                _text(option.get("text"), 75, "an option", plain=True)
                if not 1 <= len(option.get("value", "")) <= 75:
                    raise Refused("invalid_blocks", "the value of an option")
        case other:
            raise Refused("invalid_blocks", f"an element of type {other}")


def _block(block: dict[str, Any]) -> list[str]:
    """Check one block and return the action ids in it."""
    match block.get("type"):
        case "header":
            _text(block.get("text"), TEXT_LIMITS["header"], "a header", plain=True)
        case "section":
            if "text" not in block and not block.get("fields"):
                raise Refused("invalid_blocks", "an empty section")
            if "text" in block:
                _text(block["text"], TEXT_LIMITS["section"], "a section")
            if len(block.get("fields", [])) > 10:
                raise Refused("invalid_blocks", "more than 10 fields")
            for field in block.get("fields", []):
                _text(field, TEXT_LIMITS["field"], "a field")
        case "context":
            if not 1 <= len(block.get("elements", [])) <= 10:
                raise Refused("invalid_blocks", "the elements of a context")
            for element in block["elements"]:
                _text(element, TEXT_LIMITS["context"], "a context")
        case "actions":
            if not 1 <= len(block.get("elements", [])) <= 25:
                raise Refused("invalid_blocks", "the elements of actions")
            for element in block["elements"]:
                _element(element)
            return [element["action_id"] for element in block["elements"]]
        case "rich_text":
            if not block.get("elements"):
                raise Refused("invalid_blocks", "an empty rich text")
        case other:
            raise Refused("invalid_blocks", f"a block of type {other}")
    return []


def check(arguments: dict[str, Any]) -> None:
    """Raise `Refused` for a message that Slack would refuse."""
    text, blocks = arguments.get("text", ""), arguments.get("blocks") or []
    if not text and not blocks:
        raise Refused("no_text", "neither text nor blocks")
    if utf16(text) > 4000:
        raise Refused("msg_too_long", f"{utf16(text)} characters of text")
    if len(blocks) > 50:
        raise Refused("invalid_blocks", f"{len(blocks)} blocks")
    try:
        for parsed in Block.parse_all(blocks):
            parsed.validate_json()
    except SlackObjectFormationError as error:
        raise Refused("invalid_blocks", str(error)) from error
    ids = [action for block in blocks for action in _block(block)]
    if len(ids) != len(set(ids)):
        raise Refused("invalid_blocks", "an action_id twice")
