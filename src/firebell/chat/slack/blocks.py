"""Messages as Slack blocks (pure). Text that people wrote stands only in plain text or escaped.

Limits: Slack's reference of blocks; each is safe by `fit`, which never drops a button.
"""

from typing import Any

from firebell.chat.adapter_base.message_model import Button, Content, Rendered, clip

MAX_BLOCKS = 50
_HEADER, _SECTION, _FIELD, _CONTEXT, _BUTTON, _VALUE = 150, 3_000, 2_000, 2_000, 75, 2_000
_MAX_FIELDS, _MAX_ACTIONS, _MAX_OVERFLOW, _MAX_URL = 10, 25, 5, 3_000
_TEXT = 3_000
_CONFIRM_TITLE, _CONFIRM_TEXT, _CONFIRM_BUTTON = 100, 300, 30

Block = dict[str, Any]


def escape(text: str) -> str:
    """Return text that formats, mentions and links nothing in Slack's markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": clip(text, limit) or " ", "emoji": False}


def _markup(text: str, limit: int) -> Block:
    return {"type": "mrkdwn", "text": clip(text, limit), "verbatim": True}


def _section(text: str) -> Block:
    return {"type": "section", "text": _plain(text, _SECTION)}


def _chunks(text: str, limit: int) -> list[str]:
    """Return a long text in pieces that fit, cut at line ends where there are any."""
    pieces = []
    while len(text) > limit:
        at = text.rfind("\n", 1, limit)
        at = at if at > 0 else limit
        pieces.append(text[:at])
        text = text[at:].lstrip("\n")
    return [*pieces, text] if text.strip() else pieces


def _button(button: Button, number: int) -> Block:
    block: Block = {
        "type": "button",
        "text": _plain(button.label, _BUTTON),
        "action_id": f"{button.action}_{number}" if button.url else button.action,
    }
    if button.value:
        block["value"] = button.value[:_VALUE]
    if button.url and len(button.url) <= _MAX_URL:
        block["url"] = button.url
    if button.style:
        block["style"] = button.style
    if button.confirm:
        block["confirm"] = {
            "title": _plain(button.label, _CONFIRM_TITLE),
            "text": _plain(button.confirm, _CONFIRM_TEXT),
            "confirm": _plain(button.label, _CONFIRM_BUTTON),
            "deny": _plain("Cancel", _CONFIRM_BUTTON),
        }
    return block


def _overflow(menu: tuple[Button, ...]) -> Block:
    options: list[Block] = []
    for button in menu[:_MAX_OVERFLOW]:
        option: Block = {"text": _plain(button.label, _BUTTON), "value": (button.value or button.action)[:75]}
        if button.url:
            option["url"] = button.url
        options.append(option)
    return {"type": "overflow", "action_id": "fb_run_more", "options": options}


def _actions(content: Content) -> list[Block]:
    elements = [_button(button, n) for n, button in enumerate(content.buttons[: _MAX_ACTIONS - 1])]
    if content.menu:
        elements.append(_overflow(content.menu))
    return [{"type": "actions", "elements": elements}] if elements else []


def _links(content: Content) -> list[Block]:
    parts = [f"<{link.url}|{escape(clip(link.label, 100))}>" for link in content.links if "|" not in link.url]
    if not parts:
        return []
    text = " · ".join(parts)
    while len(text) > _CONTEXT and parts:
        parts.pop()
        text = " · ".join(parts)
    return [{"type": "context", "elements": [_markup(text, _CONTEXT)]}]


def _fields(content: Content) -> list[Block]:
    blocks: list[Block] = []
    pairs = content.fields
    for start in range(0, len(pairs), _MAX_FIELDS // 2):
        fields: list[Block] = []
        for label, value in pairs[start : start + _MAX_FIELDS // 2]:
            fields += [_markup(f"*{escape(label)}*", _FIELD), _plain(value, _FIELD)]
        blocks.append({"type": "section", "fields": fields})
    return blocks


def _quote(content: Content) -> list[Block]:
    if content.quote is None:
        return []
    elements: list[Block] = []
    if content.quote.heading:
        elements.append({"type": "text", "text": f"{content.quote.heading}\n", "style": {"bold": True}})
    elements.append({"type": "text", "text": clip(content.quote.text, _SECTION) or " "})
    return [{"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": elements}]}]


def fit(above: list[Block], actions: list[Block]) -> list[Block]:
    """Return at most 50 blocks: what is above the actions is cut, the actions stay."""
    room = MAX_BLOCKS - len(actions)
    if len(above) > room:
        above = [*above[: room - 1], {"type": "context", "elements": [_plain("More in Firebell.", _CONTEXT)]}]
    return [*above, *actions]


def blocks(content: Content) -> list[Block]:
    """Return the blocks of a message; within the limits whatever people wrote."""
    above: list[Block] = []
    if content.mentions:
        above.append({"type": "section", "text": _markup(_mentions(content), _SECTION)})
    if content.title:
        above.append({"type": "header", "text": _plain(content.title, _HEADER)})
    if content.status:
        above.append({"type": "context", "elements": [_plain(content.status, _CONTEXT)]})
    for paragraph in content.paragraphs:
        above += [_section(piece) for piece in _chunks(paragraph, _SECTION)]
    above += _fields(content) + _quote(content) + _links(content)
    if content.footer:
        above.append({"type": "context", "elements": [_plain(content.footer, _CONTEXT)]})
    return fit(above, _actions(content))


def _mentions(content: Content) -> str:
    return " ".join(f"<@{user}>" for user in content.mentions)


def render(content: Content, *, plain: bool = False) -> Rendered:
    """Return the arguments of a post or edit; with `plain` only its text."""
    mentions = _mentions(content) if plain else ""
    text = clip(f"{mentions} {escape(content.text)}".strip(), _TEXT) or "Firebell"
    payload: dict[str, object] = {"text": text, "unfurl_links": False, "unfurl_media": False}
    if not plain:
        payload["blocks"] = blocks(content)
    return Rendered(text, payload)
