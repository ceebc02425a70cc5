"""What Slack accepts in blocks, messages and views (pure; spec 8.8)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from firebell.chat.slack.text import length

BLOCKS = {"message": 50, "modal": 100, "home": 100}
TEXT, SECTION_TEXT, HEADER, BUTTON, VALUE, URL, ID = 3000, 3000, 150, 75, 2000, 3000, 255
ELEMENTS, CONTEXT, OVERFLOW, OPTIONS, CHOICES, OPTION_TEXT = 25, 10, 5, 100, 10, 75
VIEW_TITLE, METADATA, INPUT_LABEL, INPUT_TEXT, PLACEHOLDER = 24, 3000, 2000, 3000, 150
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_BUTTON, FIELDS, FIELD_TEXT = 100, 300, 30, 10, 2000
_STYLES = {"primary", "danger"}
_BLOCK_TYPES = {"section", "actions", "context", "divider", "header", "input", "image", "rich_text"}
_ELEMENT_TYPES = {
    *("button", "overflow", "radio_buttons", "checkboxes", "static_select", "users_select"),
    *("multi_external_select", "external_select", "plain_text_input", "datetimepicker"),
}

Json = Mapping[str, Any]


def message_problems(message: Json) -> list[str]:
    """Return why Slack would refuse a message, nothing if it would not."""
    problems = _text("text", message.get("text", ""), 0, TEXT)
    return problems + _block_problems(message.get("blocks", ()), "message")


def view_problems(view: Json) -> list[str]:
    """Return why Slack would refuse a view, nothing if it would not."""
    problems = [p for name in ("title", "submit", "close") if name in view for p in _label(view, name)]
    if "title" not in view and view.get("type") != "home":
        problems.append("a view has no title")
    problems += _text("private_metadata", view.get("private_metadata", ""), 0, METADATA)
    problems += _text("callback_id", view.get("callback_id", ""), 0, ID)
    blocks = view.get("blocks", ())
    if any(block.get("type") == "input" for block in blocks) and "submit" not in view:
        problems.append("a view with inputs has no submit")
    return problems + _block_problems(blocks, view.get("type", "modal"))


def _label(view: Json, name: str) -> list[str]:
    label = view[name]
    wrong = [] if label.get("type") == "plain_text" else [f"{name} is not plain_text"]
    return wrong + _text(name, label.get("text", ""), 1, VIEW_TITLE)


def _text(name: str, text: Any, least: int, most: int) -> list[str]:
    if not isinstance(text, str):
        return [f"{name} is not text"]
    size = length(text)
    return [] if least <= size <= most else [f"{name} has {size} characters, not {least} to {most}"]


def _block_problems(blocks: Sequence[Json], surface: str) -> list[str]:
    problems = []
    if len(blocks) > BLOCKS[surface]:
        problems.append(f"{len(blocks)} blocks, at most {BLOCKS[surface]}")
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    if len(ids) != len(set(ids)):
        problems.append("a block_id occurs twice")
    return problems + [problem for block in blocks for problem in _one_block(block)]


def _one_block(block: Json) -> Iterator[str]:
    kind = block.get("type")
    if kind not in _BLOCK_TYPES:
        yield f"unknown block {kind}"
        return
    yield from _text("block_id", block.get("block_id", ""), 0, ID)
    elements: Sequence[Json] = block.get("elements", ()) if kind in ("actions", "context") else ()
    match kind:
        case "section":
            yield from _section(block)
        case "header":
            yield from _text("header", block["text"]["text"], 1, HEADER)
        case "actions" if not 1 <= len(elements) <= ELEMENTS:
            yield f"{len(elements)} elements, at most {ELEMENTS}"
        case "context" if not 1 <= len(elements) <= CONTEXT:
            yield f"{len(elements)} elements in a context, at most {CONTEXT}"
        case "input":
            yield from _text("label", block["label"]["text"], 1, INPUT_LABEL)
            yield from _text("hint", block.get("hint", {}).get("text", ""), 0, INPUT_LABEL)
            yield from _element(block["element"])
    if kind == "actions":
        ids = [element.get("action_id") for element in elements]
        if len(ids) != len(set(ids)):
            yield "an action_id occurs twice"
        for element in elements:
            yield from _element(element)


def _section(block: Json) -> Iterator[str]:
    if "text" in block:
        yield from _text("section", block["text"]["text"], 1, SECTION_TEXT)
    elif not block.get("fields"):
        yield "a section has neither text nor fields"
    fields = block.get("fields", ())
    if len(fields) > FIELDS:
        yield f"{len(fields)} fields, at most {FIELDS}"
    for each in fields:
        yield from _text("field", each["text"], 1, FIELD_TEXT)
    if "accessory" in block:
        yield from _element(block["accessory"])


def _element(element: Json) -> Iterator[str]:
    kind = element.get("type")
    if kind not in _ELEMENT_TYPES:
        yield f"unknown element {kind}"
        return
    yield from _text("action_id", element.get("action_id", ""), 1, ID)
    yield from _text("placeholder", element.get("placeholder", {}).get("text", ""), 0, PLACEHOLDER)
    if kind == "button":
        yield from _text("button", element["text"]["text"], 1, BUTTON)
        yield from _text("value", element.get("value", ""), 0, VALUE)
        yield from _text("url", element.get("url", ""), 0, URL)
        if element.get("style", "primary") not in _STYLES:
            yield f"unknown style {element['style']}"
        if "confirm" in element:
            yield from _confirm(element["confirm"])
    if kind == "plain_text_input":
        if element.get("max_length", INPUT_TEXT) > INPUT_TEXT:
            yield f"max_length is above {INPUT_TEXT}"
        yield from _text("initial_value", element.get("initial_value", ""), 0, INPUT_TEXT)
    if "options" in element:
        most = {"radio_buttons": CHOICES, "checkboxes": CHOICES, "overflow": OVERFLOW}.get(kind, OPTIONS)
        yield from option_problems(element["options"], most)
    is_loaded = kind in ("external_select", "multi_external_select")
    if (
        not is_loaded
        and "initial_option" in element
        and element["initial_option"] not in element.get("options", ())
    ):
        yield "initial_option is not one of the options"


def option_problems(options: Sequence[Json], most: int = OPTIONS) -> Iterator[str]:
    """Yield why Slack would refuse a list of options."""
    if not 1 <= len(options) <= most:
        yield f"{len(options)} options, at most {most}"
    for option in options:
        yield from _text("option", option["text"]["text"], 1, OPTION_TEXT)
        yield from _text("option value", option["value"], 1, OPTION_TEXT)


def _confirm(confirm: Json) -> Iterator[str]:
    yield from _text("confirm title", confirm["title"]["text"], 1, CONFIRM_TITLE)
    yield from _text("confirm text", confirm["text"]["text"], 1, CONFIRM_TEXT)
    for name in ("confirm", "deny"):
        yield from _text(f"confirm {name}", confirm[name]["text"], 1, CONFIRM_BUTTON)
