"""What Slack posts, read without trust in its shape (pure)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qs

from firebell.kit.storable_json import storable

Json = Mapping[str, Any]
_FIELDS = 100


class PayloadKind(StrEnum):
    """What arrived; `ignored` is signed but nothing that we act on."""

    COMMAND = "command"
    ACTION = "action"
    VIEW_ACTION = "view_action"
    SUBMISSION = "submission"
    SHORTCUT = "shortcut"
    MESSAGE_SHORTCUT = "message_shortcut"
    OPTIONS = "options"
    EVENT = "event"
    CHALLENGE = "challenge"
    RATE_LIMITED = "rate_limited"
    IGNORED = "ignored"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Payload:
    """A request of Slack; `key` is the same for each repetition of it."""

    kind: PayloadKind
    key: str
    data: Json = field(default_factory=dict)
    team: str = ""
    user: str = ""
    user_name: str = ""
    channel: str = ""
    trigger: str = ""
    response_url: str = ""


def at(value: Any, *path: str | int) -> Any:
    """Return the value at a path of keys and indexes, None if there is none."""
    for step in path:
        if isinstance(step, str) and isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and 0 <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def text_at(value: Any, *path: str | int) -> str:
    """Return the text at a path, empty if there is none."""
    text = at(value, *path)
    return text if isinstance(text, str) else ""


def read(body: bytes, content_type: str) -> Payload:
    """Return what a body holds; a body that cannot be read is `malformed`."""
    key = hashlib.sha256(body).hexdigest()
    try:
        if content_type.partition(";")[0].strip().casefold() == "application/json":
            return _event(_object(body.decode()), key)
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
        form = {name: storable(values[-1]) for name, values in fields.items()}
        if "payload" in form:
            return _interaction(_object(form["payload"]), key)
        return _command(form, key)
    except (ValueError, RecursionError):
        return Payload(PayloadKind.MALFORMED, key, {"body": storable(body.decode(errors="replace"))[:10_000]})


def of_envelope(envelope: Json) -> Payload:
    """Return what a frame of Socket Mode holds; a frame that cannot be read is `malformed`."""
    key = text_at(envelope, "envelope_id")
    data = storable(at(envelope, "payload"))
    if not isinstance(data, dict):
        return Payload(PayloadKind.MALFORMED, key, {"body": str(data)[:10_000]})
    match envelope.get("type"):
        case "events_api":
            return _event(data, key)
        case "interactive":
            return _interaction(data, key)
        case "slash_commands":
            return _command({name: each for name, each in data.items() if isinstance(each, str)}, key)
        case _:
            return Payload(PayloadKind.IGNORED, key)


def _object(text: str) -> dict[str, Any]:
    value = storable(json.loads(text, parse_constant=_refused))
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _key(trigger: str, otherwise: str) -> str:
    return hashlib.sha256(trigger.encode()).hexdigest() if trigger else otherwise


def _command(form: dict[str, str], key: str) -> Payload:
    if "ssl_check" in form:
        return Payload(PayloadKind.IGNORED, key)
    if not form.get("command", "").startswith("/"):
        return Payload(PayloadKind.MALFORMED, key, form)
    return Payload(
        PayloadKind.COMMAND,
        _key(form.get("trigger_id", ""), key),
        form,
        team=form.get("team_id", ""),
        user=form.get("user_id", ""),
        user_name=form.get("user_name", ""),
        channel=form.get("channel_id", ""),
        trigger=form.get("trigger_id", ""),
        response_url=form.get("response_url", ""),
    )


def _interaction(data: dict[str, Any], key: str) -> Payload:
    trigger = text_at(data, "trigger_id")
    return Payload(
        _interaction_kind(data),
        _key(trigger, key),
        data,
        team=text_at(data, "team", "id") or text_at(data, "user", "team_id"),
        user=text_at(data, "user", "id"),
        user_name=text_at(data, "user", "name") or text_at(data, "user", "username"),
        channel=text_at(data, "channel", "id") or text_at(data, "container", "channel_id"),
        trigger=trigger,
        response_url=text_at(data, "response_url") or text_at(data, "response_urls", 0, "response_url"),
    )


def _interaction_kind(data: Json) -> PayloadKind:
    match data.get("type"):
        case "block_actions":
            return PayloadKind.VIEW_ACTION if at(data, "view", "id") else PayloadKind.ACTION
        case "view_submission":
            return PayloadKind.SUBMISSION
        case "shortcut":
            return PayloadKind.SHORTCUT
        case "message_action":
            return PayloadKind.MESSAGE_SHORTCUT
        case "block_suggestion":
            return PayloadKind.OPTIONS
        case str():
            return PayloadKind.IGNORED
        case _:
            return PayloadKind.MALFORMED


def _event(data: dict[str, Any], key: str) -> Payload:
    team = text_at(data, "team_id")
    match data.get("type"):
        case "url_verification":
            return Payload(PayloadKind.CHALLENGE, key, data, team=team)
        case "app_rate_limited":
            return Payload(PayloadKind.RATE_LIMITED, key, data, team=team)
        case "event_callback":
            event = at(data, "event")
            if not isinstance(event, dict) or not text_at(event, "type"):
                return Payload(PayloadKind.MALFORMED, key, data, team=team)
            return Payload(
                PayloadKind.EVENT,
                text_at(data, "event_id") or key,
                data,
                team=team,
                user=text_at(event, "user"),
                channel=event_channel(event),
            )
        case str():
            return Payload(PayloadKind.IGNORED, key, data, team=team)
        case _:
            return Payload(PayloadKind.MALFORMED, key, data, team=team)


def event_channel(event: Json) -> str:
    """Return the channel in which an event happened, empty if it has none."""
    return (
        text_at(event, "channel")
        or text_at(event, "item", "channel")
        or text_at(event, "channel_id")
        or text_at(event, "channel", "id")
    )
