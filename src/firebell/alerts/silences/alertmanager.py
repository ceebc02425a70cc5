"""Silences as Alertmanager's API v2 has them (pure).

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

import re
from datetime import datetime
from typing import Any

import msgspec

from firebell.alerts.silences.model import NewSilence, Silence, SilenceState
from firebell.kit import matchers
from firebell.kit.matchers import Matcher, Op

_STATES = {SilenceState.UPCOMING: "pending"}
_OPS = {
    (True, False): Op.EQUAL,
    (False, False): Op.NOT_EQUAL,
    (True, True): Op.MATCHES,
    (False, True): Op.DIFFERS,
}
"""The operators by `isEqual` and `isRegex`."""
_FLAGS = {op: flags for flags, op in _OPS.items()}


class PostedMatcher(msgspec.Struct, rename="camel"):
    """A matcher in a posted silence."""

    name: str
    value: str
    is_regex: bool
    is_equal: bool = True


class PostedSilence(msgspec.Struct, rename="camel"):
    """A posted silence; one with an id changes that silence."""

    matchers: list[PostedMatcher]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str
    id: str = ""


_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_decode = msgspec.json.Decoder(PostedSilence).decode


def posted(body: bytes, service_id: int) -> tuple[PostedSilence, NewSilence]:
    """Return the silence in a body, for one service; raise `ValueError` with what is wrong."""
    try:
        silence = _decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"bad silence: {error}") from None
    if silence.starts_at.tzinfo is None or silence.ends_at.tzinfo is None:
        raise ValueError("bad silence: startsAt and endsAt need an offset from UTC")
    conditions = [Matcher(m.name, _OPS[m.is_equal, m.is_regex], m.value) for m in silence.matchers]
    text = matchers.print_all(conditions)
    return silence, NewSilence(text, silence.comment, silence.ends_at, silence.starts_at, (service_id,))


def is_silence_id(text: str) -> bool:
    """Return True if text can be the id of a silence."""
    return _UUID.fullmatch(text) is not None


def gettable(silence: Silence, now: datetime) -> dict[str, Any]:
    """Return a silence as a `gettableSilence`."""
    state = silence.state(now)
    return {
        "id": silence.public_id,
        "status": {"state": _STATES.get(state, state.value)},
        "updatedAt": silence.created_at,
        "comment": silence.comment,
        "createdBy": silence.author,
        "startsAt": silence.starts_at,
        "endsAt": silence.ended_at or silence.ends_at,
        "matchers": [_posted_matcher(condition) for condition in silence.conditions],
    }


def _posted_matcher(condition: Matcher) -> dict[str, str | bool]:
    is_equal, is_regex = _FLAGS[condition.op]
    return {"name": condition.name, "value": condition.value, "isRegex": is_regex, "isEqual": is_equal}
