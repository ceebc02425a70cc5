"""Slack: a direct message from the Firebell app of a workspace."""

import json
import re
from collections.abc import Mapping, Sequence

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
    final,
    whole_or_short,
    without_secrets,
)
from firebell.channels.http_attempts import AttemptOutcome, attempt_outcome
from firebell.channels.response_outcomes import outcome_of
from firebell.kit.errors import Invalid
from firebell.kit.findings import CheckResult
from firebell.kit.http_out import post
from firebell.kit.truncation import cut, fit

_TOKEN = "FIREBELL_SLACK_BOT_TOKEN"  # noqa: S105 - the name of a variable
"""The token of the bot that sends direct messages."""
_API_URL = "FIREBELL_SLACK_API_URL"
"""Another address of Slack's Web API, such as that of a proxy."""
_DEFAULT_API_URL = "https://slack.com/api/"
_USER = re.compile(r"[UW][A-Z0-9]{6,20}")
_LISTED_ITEMS = 10
_GONE = frozenset({"channel_not_found", "user_not_found", "account_inactive", "user_disabled"})
_OURS = frozenset({"invalid_auth", "not_authed", "token_revoked", "missing_scope"})
_UNCHANGEABLE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_CONTENT = frozenset({"invalid_blocks", "msg_too_long", "msg_blocks_too_long", "no_text"})


class Slack:
    """Posts a direct message to a user by their id."""

    limits = MessageLimits(title=150, text=3000, whole=16_000)

    def __init__(self, http: httpx.AsyncClient, token: str, api_url: str) -> None:
        self._http = http
        self._token = token
        self._api = api_url.rstrip("/")

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Post one message."""
        if not self._token:
            return Failed(f"{_TOKEN} is not set.", suspect=False)

        async def attempt(short: bool) -> AttemptOutcome:
            return await self._call("chat.postMessage", body_of(address, message, short=short))

        return without_secrets(await whole_or_short(attempt), self._token)

    async def retract(self, address: str, provider_id: str, message: Message) -> Outcome | None:
        """Replace a message by the one that says how its subject ended."""
        channel, _, ts = provider_id.partition(":")
        if not channel or not ts:
            return None
        outcome = await self._call("chat.update", body_of(channel, message, ts=ts))
        return without_secrets(final(outcome), self._token)

    async def _call(self, method: str, body: bytes) -> AttemptOutcome:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Authorization": f"Bearer {self._token}",
        }
        return await attempt_outcome(
            post(self._http, f"{self._api}/{method}", content=body, headers=headers),
            lambda reply: _outcome(reply.text) if reply.ok else outcome_of(reply),
        )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def body_of(address: str, message: Message, *, short: bool = False, ts: str = "") -> bytes:
    """Return the JSON of one message, or with `ts` of its new text; what people wrote neither formats nor mentions."""
    text = message.subject if short else f"{message.subject}\n{_text(message)}"
    links = [
        f"<{action.url}|{_escaped(action.label)}>" for action in message.actions if "|" not in action.url
    ]
    links += [f"<{message.url}|Open>"] if message.url and "|" not in message.url else []
    whole = "\n".join(
        [_escaped(cut(text.strip(), Slack.limits.text)), *([" · ".join(links)] if links else [])]
    )
    previews = {"unfurl_links": False, "unfurl_media": False}
    fields = {"channel": address, "text": whole, **({"ts": ts} if ts else previews)}
    return json.dumps(fields, ensure_ascii=False).encode()


def _text(message: Message) -> str:
    if message.is_text:
        return message.text(Slack.limits.text - Slack.limits.title)
    lines = [f"{name}: {value}" for name, value in message.facts]
    lines += message.item_lines(_LISTED_ITEMS)
    return fit(lines, "", Slack.limits.text - Slack.limits.title) if lines else ""


def _outcome(text: str) -> Outcome | ContentRefused:
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        answer = {}
    if not isinstance(answer, dict) or "ok" not in answer:
        return Retry("The answer is not Slack’s: is a proxy between?")
    if answer["ok"]:
        return Accepted(f"{answer.get('channel', '')}:{answer.get('ts', '')}")
    code = str(answer.get("error", ""))[:100]
    if code in _CONTENT:
        return ContentRefused(code)
    if code in _GONE:
        return Failed(code, gone=code != "channel_not_found")
    if code in _UNCHANGEABLE:
        return Failed(code, suspect=False)
    if code in _OURS:
        return Failed(f"{code}: replace {_TOKEN}.", suspect=False)
    return Retry(code)


def check_address(address: str) -> str:
    """Return the id of a user; raise `Invalid` for a name or an email address."""
    text = address.strip().upper()
    if not _USER.fullmatch(text):
        raise Invalid(
            f"{address!r} is not the id of a Slack user.",
            fields={"address": "Copy the member ID from your Slack profile; it begins with U."},
        )
    return text


async def check_health(
    http: httpx.AsyncClient, settings: Mapping[str, str], addresses: Sequence[str] | None
) -> list[CheckResult]:
    """Return whether Slack accepts the token."""
    token = settings[_TOKEN]
    if not token:
        return []
    url = f"{(settings[_API_URL] or _DEFAULT_API_URL).rstrip('/')}/auth.test"
    try:
        reply = await post(http, url, headers={"Authorization": f"Bearer {token}"})
        answer = json.loads(reply.text)
        is_fine = bool(answer.get("ok"))
        reason = str(answer.get("error", ""))
    except (httpx.HTTPError, ValueError, AttributeError, RecursionError) as exc:
        is_fine, reason = False, type(exc).__name__
    if is_fine:
        return [CheckResult("slack", "ok", "Slack accepts the bot token.")]
    return [CheckResult("slack", "fail", f"Slack refused the bot token: {reason}. Replace {_TOKEN}.")]


def _open(edges: Edges) -> Slack:
    return Slack(edges.http, edges.settings[_TOKEN], edges.settings[_API_URL] or _DEFAULT_API_URL)


CHANNEL = Channel(
    kind="slack",
    label="Slack",
    icon="message-square",
    address_label="Slack member ID",
    address_help="U024BE7LH",
    limits=Slack.limits,
    open=_open,
    check_address=check_address,
    settings=(Setting(_TOKEN), Setting(_API_URL)),
    is_ready=lambda settings: bool(settings[_TOKEN]),
    off_text=f"Set {_TOKEN} to send direct messages.",
    check_health=check_health,
    rate=SendRate(per_s=5, burst=32),
    is_secret=False,
    retracts=True,
    shared_hosts=frozenset({"slack.com"}),
)
