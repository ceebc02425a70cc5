"""What Mattermost posts to Firebell, read without trust in its shape (pure)."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from firebell.kit.storable_json import storable, storable_text

_ID = re.compile(r"[a-z0-9]{26}", re.ASCII)
_FIELDS = 200


@dataclass(frozen=True, slots=True)
class MattermostRequest:
    """A command, a pressed button or a submitted dialog; `token` says that Mattermost sent it.

    `key` is the same for each repetition of a command or a press.
    """

    token: str
    key: str
    team: str
    user: str
    user_name: str
    channel: str
    trigger: str
    command: str = ""
    text: str = ""
    users: Mapping[str, str] = field(default_factory=dict)
    """The ids of the users who are mentioned in a command, by username."""
    submission: Mapping[str, Any] = field(default_factory=dict)
    cancelled: bool = False


def read_command(body: bytes, authorization: str) -> MattermostRequest | None:
    """Return a slash command, None if the body is not one; its token is in the header, else in the form."""
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        return None
    form = {name: storable_text(values[-1]) for name, values in fields.items()}
    scheme, _, token = authorization.partition(" ")
    if scheme.casefold() != "token":
        token = form.get("token", "")
    names, ids = fields.get("user_mentions", []), fields.get("user_mentions_ids", [])
    request = MattermostRequest(
        token=token.strip(),
        key=_key(form.get("trigger_id", ""), body),
        team=form.get("team_id", ""),
        user=form.get("user_id", ""),
        user_name=form.get("user_name", ""),
        channel=form.get("channel_id", ""),
        trigger=form.get("trigger_id", ""),
        command=form.get("command", ""),
        text=form.get("text", ""),
        users={name.casefold(): i for name, i in zip(names, ids, strict=False) if _ID.fullmatch(i)},
    )
    return request if request.command.startswith("/") and _has_ids(request) else None


def read_action(body: bytes) -> MattermostRequest | None:
    """Return a pressed button or a chosen option, None if the body is neither."""
    data = _object(body)
    context = data.get("context")
    if not isinstance(context, dict):
        return None
    options = context.get("options")
    token = context.get("token")
    if isinstance(options, dict):
        token = options.get(str(context.get("selected_option")))
    request = MattermostRequest(
        token=token if isinstance(token, str) else "",
        key=_key(_text(data, "trigger_id"), body),
        team=_text(data, "team_id"),
        user=_text(data, "user_id"),
        user_name=_text(data, "user_name"),
        channel=_text(data, "channel_id"),
        trigger=_text(data, "trigger_id"),
    )
    return request if _has_ids(request) else None


def read_submission(body: bytes) -> MattermostRequest | None:
    """Return a submitted or canceled dialog, None if the body is neither."""
    data = _object(body)
    submission = data.get("submission")
    request = MattermostRequest(
        token=_text(data, "state"),
        key=hashlib.sha256(body).hexdigest(),
        team=_text(data, "team_id"),
        user=_text(data, "user_id"),
        user_name="",
        channel=_text(data, "channel_id"),
        trigger="",
        submission=submission if isinstance(submission, dict) else {},
        cancelled=data.get("cancelled") is True,
    )
    return request if _has_ids(request) else None


def _has_ids(request: MattermostRequest) -> bool:
    return bool(_ID.fullmatch(request.user) and _ID.fullmatch(request.channel))


def _key(trigger: str, body: bytes) -> str:
    return hashlib.sha256(trigger.encode() if trigger else body).hexdigest()


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = storable(json.loads(body))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""
