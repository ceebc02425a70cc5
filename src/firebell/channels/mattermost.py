"""Mattermost: a direct message from the Firebell bot of a server."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from firebell.channels.base import (
    Accepted,
    Channel,
    ContentRefused,
    Failed,
    Message,
    MessageLimits,
    Outcome,
    Retry,
    SendRate,
    Setting,
    final,
    not_sent,
    whole_or_short,
    without_secrets,
)
from firebell.channels.http_attempts import attempt_outcome
from firebell.channels.response_outcomes import outcome_of
from firebell.kit.errors import Invalid, StartupError
from firebell.kit.findings import CheckResult
from firebell.kit.http_out import OutboundResponse, check_url, send
from firebell.kit.truncation import cut, fit

_URL = "FIREBELL_MATTERMOST_URL"
_TOKEN = "FIREBELL_MATTERMOST_BOT_TOKEN"  # noqa: S105 - the name of a variable
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")
_MENTION = re.compile(r"(^|[^\w])@(?=\w)")
_LISTED_ITEMS = 10
_OURS = (401, 403)


class _Stopped(Exception):  # noqa: N818 - carries an outcome
    """A call before the message ended the attempt."""

    def __init__(self, outcome: Outcome | ContentRefused) -> None:
        super().__init__(type(outcome).__name__)
        self.outcome = outcome


class Mattermost:
    """Posts a direct message to a user by their username."""

    limits = MessageLimits(title=150, text=3000, whole=16_000)

    def __init__(self, http: httpx.AsyncClient, url: str, token: str) -> None:
        self._http = http
        self._base = f"{url.rstrip('/')}/api/v4"
        self._token = token
        self._bot = ""
        self._channels: dict[str, str] = {}
        """The channels of direct messages by username."""

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Post one message."""
        if not self._token or self._base.startswith("/"):
            return Failed(f"{_URL} and {_TOKEN} are not both set.", suspect=False)

        async def attempt(short: bool) -> Outcome | ContentRefused:
            try:
                channel = await self._channel(address)
                post = {
                    "channel_id": channel,
                    "message": text_of(message, short=short),
                    # the server drops a second post with the same value for half a minute
                    "pending_post_id": f"{self._bot}:{key}",
                }
                reply = await self._call("POST", "/posts", post)
            except _Stopped as stopped:
                return stopped.outcome
            except httpx.HTTPError as exc:
                return not_sent(exc, type(exc).__name__)
            if not reply.ok:
                self._channels.pop(address, None)
                return _refused(reply)
            return Accepted(str(_object(reply).get("id", "")))

        return without_secrets(await whole_or_short(attempt), self._token)

    async def retract(self, address: str, provider_id: str, message: Message) -> Outcome | None:
        """Replace a post by the one that says how its subject ended."""
        post = {"message": text_of(message)}
        outcome = await attempt_outcome(
            self._call("PUT", f"/posts/{provider_id}/patch", post),
            lambda reply: Accepted(provider_id) if reply.ok else _refused(reply),
        )
        return without_secrets(final(outcome), self._token)

    async def _channel(self, username: str) -> str:
        """Return the channel of direct messages to a user; raise `_Stopped` if there is none."""
        if username not in self._channels:
            if not self._bot:
                self._bot = str((await self._get("GET", "/users/me"))["id"])
            user = await self._get("GET", f"/users/username/{username}")
            if user.get("delete_at"):
                raise _Stopped(Failed("The user was deactivated.", gone=True))
            channel = await self._get("POST", "/channels/direct", [self._bot, str(user["id"])])
            self._channels[username] = str(channel["id"])
        return self._channels[username]

    async def _get(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        reply = await self._call(method, path, body)
        answer = _object(reply) if reply.ok else {}
        if not reply.ok:
            raise _Stopped(_refused(reply))
        if "id" not in answer:
            raise _Stopped(Retry("The answer is not Mattermost’s: is a proxy between?"))
        return answer

    async def _call(self, method: str, path: str, body: Any = None) -> OutboundResponse:
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        return await send(self._http, method, f"{self._base}{path}", content=content, headers=headers)


def _object(reply: OutboundResponse) -> dict[str, Any]:
    try:
        document = json.loads(reply.text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _refused(reply: OutboundResponse) -> Outcome | ContentRefused:
    if reply.status in _OURS:
        return Failed(f"{reply.status}: replace {_TOKEN}.", suspect=False)
    return outcome_of(reply)


def _escaped(text: str) -> str:
    return _MENTION.sub("\\1@\u200b", _MARKUP.sub(r"\\\1", text))


def text_of(message: Message, *, short: bool = False) -> str:
    """Return the Markdown of one message; text that people wrote neither formats nor mentions."""
    text = message.subject if short else f"{message.subject}\n{_details(message)}"
    links = [
        f"[{_escaped(action.label)}]({action.url})" for action in message.actions if ")" not in action.url
    ]
    links += [f"[Open]({message.url})"] if message.url and ")" not in message.url else []
    whole = _escaped(cut(text.strip(), Mattermost.limits.text))
    return "\n\n".join([whole, *([" · ".join(links)] if links else [])])


def _details(message: Message) -> str:
    room = Mattermost.limits.text - Mattermost.limits.title
    if message.is_text:
        return message.text(room)
    lines = [f"{name}: {value}" for name, value in message.facts]
    lines += message.item_lines(_LISTED_ITEMS)
    return fit(lines, "", room) if lines else ""


def check_address(address: str) -> str:
    """Return a username; raise `Invalid` if it is not one."""
    text = address.strip().lstrip("@").lower()
    if not _USERNAME.fullmatch(text):
        raise Invalid(
            f"{address!r} is not a Mattermost username.",
            fields={"address": "Enter your username, such as mara.lindqvist."},
        )
    return text


def check_settings(settings: Mapping[str, str]) -> None:
    """Raise `StartupError` if the server's address is invalid."""
    if settings[_URL]:
        try:
            check_url(settings[_URL])
        except Invalid as error:
            raise StartupError(
                f"{_URL} is not an address.", hint="Use one such as https://chat.example.org."
            ) from error


async def check_health(
    http: httpx.AsyncClient, settings: Mapping[str, str], addresses: Sequence[str] | None
) -> list[CheckResult]:
    """Return whether the server accepts the token."""
    if not settings[_TOKEN] or not settings[_URL]:
        return []
    url = f"{settings[_URL].rstrip('/')}/api/v4/users/me"
    try:
        reply = await send(http, "GET", url, headers={"Authorization": f"Bearer {settings[_TOKEN]}"})
        is_fine, reason = reply.ok, str(reply.status)
    except httpx.HTTPError as exc:
        is_fine, reason = False, type(exc).__name__
    if is_fine:
        return [CheckResult("mattermost", "ok", "Mattermost accepts the bot token.")]
    text = f"Mattermost refused the bot token: {reason}. Check {_URL} and replace {_TOKEN}."
    return [CheckResult("mattermost", "fail", text)]


CHANNEL = Channel(
    kind="mattermost",
    label="Mattermost",
    icon="message-square",
    address_label="Mattermost username",
    address_help="mara.lindqvist",
    limits=Mattermost.limits,
    open=lambda edges: Mattermost(edges.http, edges.settings[_URL], edges.settings[_TOKEN]),
    check_address=check_address,
    settings=(Setting(_URL), Setting(_TOKEN)),
    check_settings=check_settings,
    is_ready=lambda settings: bool(settings[_TOKEN] and settings[_URL]),
    off_text=f"Set {_URL} and {_TOKEN} to send direct messages.",
    check_health=check_health,
    rate=SendRate(per_s=5, burst=32),
    is_secret=False,
    retracts=True,
)
