"""The reads of Alertmanager's API v2 that amtool and Grafana need, for the alerts of one integration.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from starlette.types import Scope

from firebell import __version__
from firebell.alerts import read_store
from firebell.alerts.model import Alert, Integration, Json
from firebell.alerts.prometheus_fingerprint import FINGERPRINT_DIGITS, fingerprint
from firebell.alerts.request_parts import authorization, query_fields
from firebell.kit import matchers
from firebell.kit.context import Context
from firebell.kit.errors import FirebellError, NotFound, Unauthenticated
from firebell.kit.web.small_requests import Response

MAX_ALERTS = 1_000
RECEIVER = "firebell"
_JSON = (b"content-type", b"application/json")
_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_PROBES = ("-/healthy", "-/ready")
_READS = ("alerts", "alerts/groups", "status", "receivers", "silences")
_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Question:
    """A read: the integration key, where it was, what is read, and the matchers of the query."""

    key: str
    in_header: bool
    what: str
    filters: tuple[str, ...] = ()

    def refusal(self) -> FirebellError:
        """Return the error for an unknown key."""
        if self.in_header:
            return Unauthenticated("The bearer token is not an integration key.", hint=_HINT)
        return NotFound("This integration key is unknown or revoked.", hint=_HINT)


_HINT = "Copy the address again from the service's page."


def question_of(segments: list[str], scope: Scope) -> Question | None:
    """Return what a GET request reads of Alertmanager's API, or None for any other address."""
    match segments:
        case ["in", key, "am", *rest]:
            what, in_header = "/".join(rest), False
        case ["api", "v2", *rest]:
            key = authorization(dict(scope["headers"]), "bearer")
            what, in_header = "/".join(["api/v2", *rest]), True
        case _:
            return None
    what = what.removeprefix("api/v2/")
    if what not in (*_READS, *_PROBES):
        return None
    if (query := query_fields(scope)) is None:
        return None
    return Question(key, in_header, what, tuple(value for name, value in query if name == "filter"))


async def answer(ctx: Context, integration: Integration, question: Question) -> Response:
    """Return the answer to a read; its lists have up to 1,000 firing alerts of the integration."""
    match question.what:
        case "status":
            return _json(_status(integration.created_at))
        case "receivers":
            return _json([{"name": RECEIVER}])
        case "silences":
            return _json([])
        case "alerts" | "alerts/groups":
            return await _alerts(ctx, integration, question)
    return Response(200, b"OK", (_TEXT,))


async def _alerts(ctx: Context, integration: Integration, question: Question) -> Response:
    try:
        wanted = tuple(matchers.parse_one(text) for text in question.filters)
    except matchers.MatcherError as error:
        return Response(400, _encode(f"bad matcher format: {error}"), (_JSON,))
    async with ctx.db.tx() as tx:
        alerts = await read_store.firing_of_integration(tx, integration.id, MAX_ALERTS)
    listed = [_gettable(a) for a in alerts if matchers.matches_all(wanted, a.labels)]
    if question.what == "alerts":
        return _json(listed)
    return _json([{"labels": {}, "receiver": {"name": RECEIVER}, "alerts": listed}] if listed else [])


def _gettable(alert: Alert) -> dict[str, Json]:
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
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []},
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
