"""ntfy: push messages to a phone through a public or self-hosted server."""

import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import httpx

from firebell.channels.base import (
    Accepted,
    Channel,
    ContentRefused,
    Edges,
    Failed,
    Message,
    MessageLimits,
    Outcome,
    Retry,
    SendRate,
    Setting,
    not_sent,
    whole_or_short,
    within,
    without_secrets,
)
from firebell.channels.response_outcomes import outcome_of
from firebell.kit.errors import Invalid, StartupError
from firebell.kit.findings import CheckResult
from firebell.kit.http_out import OutboundResponse, check_url, post, status_of
from firebell.kit.truncation import cut, fit

_NTFY_URL = "FIREBELL_NTFY_URL"
"""The ntfy server for topics given without an address."""
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,64}")
_RESERVED_TOPICS = frozenset(
    ("docs", "static", "file", "app", "metrics", "account", "settings", "signup", "login", "v1")
)
"""Topics that ntfy servers refuse."""
_BODY_BYTES = 1500
_LISTED_ITEMS = 20
_QUOTA = (42908, 42910)
"""The ntfy error codes for an exhausted daily quota: a retry does not help."""


class Ntfy:
    """Publishes to a topic, given as a name or as the URL of a topic on another server."""

    limits = MessageLimits(title=200, text=4000, whole=8192)
    """A server refuses more than 4,096 bytes of text, or turns it into an attachment that phones do not show."""

    def __init__(self, http: httpx.AsyncClient, server: str) -> None:
        self._http = http
        self._server = server.rstrip("/")

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Publish one message; urgent ones have the highest priority."""
        server, topic = self._server, address
        if "://" in address:
            parts = urlsplit(address)
            server, topic = f"{parts.scheme}://{parts.netloc}", parts.path.strip("/")
        if not topic:
            return Failed("The ntfy address has no topic.")

        async def attempt(short: bool) -> Outcome | ContentRefused:
            body = body_of(topic, message, short=short)
            headers = {"Content-Type": "application/json", "X-Idempotency-Key": key}
            try:
                return _outcome_of(await post(self._http, server, content=body, headers=headers))
            except httpx.InvalidURL:
                return Failed("The ntfy address is not a valid URL.")
            except httpx.HTTPError as exc:
                return not_sent(exc, f"{type(exc).__name__}: {exc}")

        return without_secrets(await whole_or_short(attempt), address)


def body_of(topic: str, message: Message, *, short: bool = False) -> bytes:
    """Return the JSON of one message, within the default limits of a server."""
    limits = Ntfy.limits
    fields: dict[str, object] = {
        "topic": topic,
        "title": cut(message.subject, limits.title // 2 if short else limits.title),
        "priority": 5 if message.urgency == "high" else 3,
        "tags": ["rotating_light" if message.urgency == "high" else "bell"],
    }
    if message.url:
        fields["click"] = message.url
    if message.actions and not short:
        fields["actions"] = [{"action": "view", "label": a.label, "url": a.url} for a in message.actions]
    return within(
        limits.whole,
        500 if short else limits.text,
        lambda room: _encoded({**fields, "message": _text(message, room, short=short)}),
    )


def _encoded(fields: Mapping[str, object]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _text(message: Message, limit_bytes: int, *, short: bool) -> str:
    if short:
        return cut(message.url or message.title, limit_bytes)
    if message.is_text:
        return message.text(limit_bytes)
    lines = [cut(message.lead, _BODY_BYTES), *message.item_lines(_LISTED_ITEMS, after=1)]
    return fit([line for line in lines if line], "", limit_bytes) or message.title


def _outcome_of(reply: OutboundResponse) -> Outcome | ContentRefused:
    answer = _json(reply.text)
    if reply.ok:
        # a captive portal answers 200 too
        return (
            Accepted(str(answer["id"]))
            if "id" in answer
            else Retry(f"{reply.status} without a message id: is this an ntfy server?")
        )
    if reply.status == 429 and answer.get("code") in _QUOTA:
        return Failed(f"429 {reply.text[:200]}", suspect=False)
    return outcome_of(reply)


def _json(text: str) -> dict[str, object]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def check_address(address: str) -> str:
    """Return a topic, or `https://server/topic`; raise `Invalid` for parts that ntfy would not get, such as a token."""
    text = address.strip()
    server, topic = "", text
    if "://" in text:
        parts = urlsplit(check_url(text))
        if "?" in text or "#" in text:
            raise Invalid(
                "An ntfy address ends with the topic; an access token in it would not be sent.",
                fields={"address": "Use https://ntfy.example.org/topic, without ? and #."},
            )
        server, topic = f"{parts.scheme}://{parts.netloc}/", parts.path.strip("/")
    if not topic:
        raise Invalid(
            "The ntfy address has no topic.", fields={"address": "Add the topic: https://ntfy.sh/topic."}
        )
    if not _TOPIC.fullmatch(topic) or topic in _RESERVED_TOPICS:
        raise Invalid(
            f"{topic[:80]!r} is not an ntfy topic.",
            fields={
                "address": "Use 1 to 64 letters, digits, _ and -; names that ntfy uses for itself are reserved."
            },
        )
    return f"{server}{topic}"


def _open(edges: Edges) -> Ntfy:
    return Ntfy(edges.http, edges.settings[_NTFY_URL])


def _check_settings(settings: Mapping[str, str]) -> None:
    try:
        check_url(settings[_NTFY_URL])
    except Invalid as exc:
        raise StartupError(f"{_NTFY_URL}: {exc.message}", hint="Example: https://ntfy.sh") from exc
    if "?" in settings[_NTFY_URL] or "#" in settings[_NTFY_URL]:
        raise StartupError(f"{_NTFY_URL} has something after ? or #.", hint="Example: https://ntfy.sh")


async def check_health(
    http: httpx.AsyncClient, settings: Mapping[str, str], addresses: Sequence[str] | None
) -> list[CheckResult]:
    """Check that every ntfy server in use answers, over the connections that messages use."""
    servers = set()
    for address in addresses or ():
        url = urlsplit(address if "://" in address else settings[_NTFY_URL])
        servers.add(f"{url.scheme}://{url.netloc}")
    findings = []
    for server in sorted(servers):
        try:
            status = await status_of(http, f"{server}/v1/health")
            why = "" if 200 <= status < 300 else f"it answers {status}"
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            why = str(exc) or type(exc).__name__
        text = f"{server} cannot be used: {why}" if why else f"{server} answers."
        findings.append(CheckResult("ntfy", "fail" if why else "ok", text))
    return findings


CHANNEL = Channel(
    kind="ntfy",
    rank=10,
    label="ntfy",
    icon="smartphone",
    address_label="ntfy topic",
    address_help="a-long-secret-topic",
    limits=Ntfy.limits,
    open=_open,
    check_address=check_address,
    # a server with the defaults refuses what exceeds a burst of 60
    rate=SendRate(per_s=20, burst=60),
    settings=(Setting(_NTFY_URL, "https://ntfy.sh"),),
    check_settings=_check_settings,
    check_health=check_health,
    shared_hosts=frozenset({"ntfy.sh"}),
)
