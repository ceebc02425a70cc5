"""What amtool and Grafana need of Alertmanager's API v2: reads for the alerts of one integration, and silences.

A silence applies to the service of the integration, whose key may also resolve alerts.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from starlette.types import Scope

from firebell import __version__
from firebell.alerts import read_store
from firebell.alerts.cleaning import line
from firebell.alerts.model import Alert, Integration, Json
from firebell.alerts.mutes import MuteKind
from firebell.alerts.muting import store as mute_store
from firebell.alerts.muting.store import MuteMark
from firebell.alerts.request_parts import authorization, query_fields
from firebell.alerts.silences import actions as silence_actions
from firebell.alerts.silences import alertmanager
from firebell.alerts.silences.model import Silence
from firebell.alerts.source_base.prometheus_fingerprint import FINGERPRINT_DIGITS, fingerprint
from firebell.kit import label_comparison, matchers
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, FirebellError, Invalid, NotFound, Unauthenticated
from firebell.kit.web.small_requests import Response

MAX_ALERTS = 1_000
RECEIVER = "firebell"
_JSON = (b"content-type", b"application/json")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_PROBES = ("-/healthy", "-/ready")
_READS = ("alerts", "alerts/groups", "status", "receivers", "silences")
_SILENCE = "silence/"
_ALERT_STATES = ("active", "silenced", "inhibited")
MAX_SILENCE_BYTES = 64 * 1024
AUTHOR_MAX_CHARS = 100
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Question:
    """A request: the integration key, where it was, what is read or written, and the matchers of the query."""

    key: str
    in_header: bool
    what: str
    filters: tuple[str, ...] = ()
    method: str = "GET"
    left_out: frozenset[str] = frozenset()
    """Which of active, silenced and inhibited alerts are not listed."""

    def refusal(self) -> FirebellError:
        """Return the error for an unknown key."""
        if self.in_header:
            return Unauthenticated("The bearer token is not an integration key.", hint=_HINT)
        return NotFound("This integration key is unknown or revoked.", hint=_HINT)


_HINT = "Copy the address from the service's page again."


def question_of(segments: list[str], scope: Scope) -> Question | None:
    """Return what a request reads of Alertmanager's API or does to its silences, or None for any other request."""
    method = scope["method"]
    match segments:
        case ["in", key, "am", *rest]:
            what, in_header = "/".join(rest), False
        case ["api", "v2", *rest]:
            key = authorization(dict(scope["headers"]), "bearer")
            what, in_header = "/".join(["api/v2", *rest]), True
        case _:
            return None
    what = what.removeprefix("api/v2/")
    is_silence = what.startswith(_SILENCE)
    is_read = method in ("GET", "HEAD") and (what in (*_READS, *_PROBES) or is_silence)
    if not is_read and (method, what) != ("POST", "silences") and not (is_silence and method == "DELETE"):
        return None
    if (query := query_fields(scope)) is None:
        return None
    filters = tuple(value for name, value in query if name == "filter")
    left_out = frozenset(name for name, value in query if name in _ALERT_STATES and value == "false")
    return Question(key, in_header, what, filters, "GET" if method == "HEAD" else method, left_out)


async def answer(ctx: Context, integration: Integration, question: Question, body: bytes = b"") -> Response:
    """Return the answer to a request; lists have up to 1,000 firing alerts of the integration."""
    if question.what.startswith(_SILENCE) or question.what == "silences":
        try:
            async with ctx.db.tx() as tx:
                return await _silences(tx, integration, question, body, ctx.clock.now())
        except (Invalid, Conflict) as error:
            return Response(400, _encode(" ".join([error.message, *error.fields.values()])), (_JSON,))
        except NotFound as error:
            return Response(404, _encode(error.message), (_JSON,))
    match question.what:
        case "status":
            return _json(_status(integration.created_at))
        case "receivers":
            return _json([{"name": RECEIVER}])
        case "alerts" | "alerts/groups":
            return await _alerts(ctx, integration, question)
    return Response(200, b"OK", (_TEXT,))


def _filters(question: Question) -> tuple[matchers.Matcher, ...]:
    """Return the matchers of a query; raise `Invalid`."""
    try:
        return tuple(matchers.parse_one(text) for text in question.filters)
    except matchers.MatcherError as error:
        raise Invalid(f"bad matcher format: {error}") from None


async def _silences(
    tx: Tx, integration: Integration, question: Question, body: bytes, now: datetime
) -> Response:
    """List, get, create, change or expire silences of the integration's service."""
    actor = Actor("source", integration.name)
    if question.what == "silences" and question.method == "GET":
        own = await _silences_of(tx, integration.service_id, now)
        labels = {each.id: {m.name: m.value for m in each.conditions} for each in own}
        wanted = set(await label_comparison.matching_labels(labels, _filters(question)))
        return _json([alertmanager.gettable(each, now) for each in own if each.id in wanted])
    if question.what == "silences":
        return await _post_silence(tx, actor, integration.service_id, body, now)
    silence = await _silence(tx, question.what.removeprefix(_SILENCE), integration.service_id)
    if question.method == "GET":
        return _json(alertmanager.gettable(silence, now))
    _check_own(silence, integration.service_id)
    await silence_actions.expire_silence(tx, actor, silence_id=silence.id, now=now)
    return Response(200, b"", (_JSON,))


async def _silences_of(tx: Tx, service_id: int, now: datetime) -> list[Silence]:
    listed = await silence_actions.silences(tx, now)
    return [each for each in listed if not each.service_ids or service_id in each.service_ids]


async def _silence(tx: Tx, text: str, service_id: int) -> Silence:
    """Return the silence of an id that applies to a service; raise NotFound."""
    if alertmanager.is_silence_id(text):
        silence = await silence_actions.silence_of_public_id(tx, text)
        if not silence.service_ids or service_id in silence.service_ids:
            return silence
    raise NotFound(f"There is no silence {text}.")


def _check_own(silence: Silence, service_id: int) -> None:
    """Raise Conflict for a silence that is also for other services: a key decides about its own alone."""
    if silence.service_ids != (service_id,):
        raise Conflict("This silence is for other services too. Change it in Firebell.")


async def _post_silence(tx: Tx, actor: Actor, service_id: int, body: bytes, now: datetime) -> Response:
    try:
        posted, new = alertmanager.posted(body, service_id)
    except ValueError as error:
        raise Invalid(str(error)) from None
    if posted.id:
        old = await _silence(tx, posted.id, service_id)
        _check_own(old, service_id)
        silence = await silence_actions.update_silence(tx, actor, silence_id=old.id, entered=new, now=now)
    else:
        author = line(posted.created_by, AUTHOR_MAX_CHARS)
        silence = await silence_actions.create_silence(tx, actor, entered=new, author=author, now=now)
    return _json({"silenceID": silence.public_id})


async def _alerts(ctx: Context, integration: Integration, question: Question) -> Response:
    try:
        filters = _filters(question)
        async with ctx.db.tx() as tx:
            alerts = await read_store.firing_of_integration(tx, integration.id, MAX_ALERTS)
            marks = await mute_store.marks_of_groups(tx, {a.group_id for a in alerts if a.group_id})
        wanted = set(await label_comparison.matching_labels({a.id: a.labels for a in alerts}, filters))
    except Invalid as error:
        return Response(400, _encode(error.message), (_JSON,))
    marked = [(alert, _holding(marks.get(alert.group_id or 0))) for alert in alerts]
    listed = [
        _gettable(alert, mark)
        for alert, mark in marked
        if alert.id in wanted and _alert_state(mark) not in question.left_out
    ]
    if question.what == "alerts":
        return _json(listed)
    return _json([{"labels": {}, "receiver": {"name": RECEIVER}, "alerts": listed}] if listed else [])


def _holding(mark: MuteMark | None) -> MuteMark | None:
    """Return the mark of a mute that still holds the alerts of its group."""
    return mark if mark is not None and mark.is_muted else None


def _alert_state(mark: MuteMark | None) -> str:
    if mark is None:
        return "active"
    return "inhibited" if mark.kind in (MuteKind.INHIBITION, MuteKind.INHIBIT_WAIT) else "silenced"


def _gettable(alert: Alert, mark: MuteMark | None) -> dict[str, Json]:
    is_fingerprint = len(alert.dedup_key) == FINGERPRINT_DIGITS
    return {
        "labels": alert.labels or {"alertname": alert.title},
        "annotations": alert.annotations,
        "startsAt": alert.starts_at,
        "endsAt": alert.ends_at or alert.last_seen,
        "updatedAt": alert.last_seen,
        "fingerprint": alert.dedup_key if is_fingerprint else fingerprint(alert.labels),
        "generatorURL": alert.links.get("source", ""),
        "receivers": [{"name": RECEIVER}],
        "status": {
            "state": "suppressed" if mark else "active",
            "silencedBy": [mark.public_id] if mark and mark.kind is MuteKind.SILENCE else [],
            "inhibitedBy": [],
        },
    }


def _status(since: datetime) -> dict[str, Json]:
    version = {
        "version": __version__,
        **dict.fromkeys(("branch", "buildDate", "buildUser", "goVersion", "revision"), ""),
    }
    return {
        "cluster": {"status": "disabled"},
        "config": {"original": "# Firebell routes by services and escalation policies.\n"},
        "uptime": since,
        "versionInfo": version,
    }


def _json(value: Json) -> Response:
    return Response(200, _encode(value), (_JSON,))
