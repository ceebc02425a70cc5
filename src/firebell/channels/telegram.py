"""Telegram: a message of a bot in a private chat, with buttons whose presses Firebell fetches."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from firebell.channels.base import (
    Channel,
    ContentRefused,
    Edges,
    Failed,
    Message,
    MessageLimits,
    Outcome,
    SendRate,
    Setting,
    whole_or_short,
    without_secrets,
)
from firebell.channels.callbacks import Connect, OptIn, OptOut, PageAction, Press, Signal, SignalAnswer
from firebell.channels.http_attempts import (
    AttemptOutcome,
    accepted_with_id,
    attempt_outcome,
    check_token,
    json_object,
    object_in,
)
from firebell.channels.message_text import compose
from firebell.channels.polling import Fetched, Update, WaitingMessage
from firebell.channels.response_outcomes import outcome_of, wait_or_failed
from firebell.kit.errors import Invalid, StartupError
from firebell.kit.findings import CheckResult
from firebell.kit.http_out import OutboundResponse, post, send
from firebell.kit.truncation import cut

_TOKEN = "FIREBELL_TELEGRAM_BOT_TOKEN"  # noqa: S105 - the name of a variable
_NAME = "FIREBELL_TELEGRAM_BOT_NAME"
"""The user name of the bot, for the link that opens it."""
_API_URL = "FIREBELL_TELEGRAM_API_URL"
"""Another address of the Bot API, such as that of a server of one's own."""
_DEFAULT_API_URL = "https://api.telegram.org"
_USER = re.compile(r"[1-9]\d{0,19}")
_BOT_TOKEN = re.compile(r"\d{3,20}:[\w-]{20,100}")
_BOT_NAME = re.compile(r"[A-Za-z]\w{3,30}[Bb][Oo][Tt]")
_JSON = {"Content-Type": "application/json"}
_LONG_POLL_S = 5
"""How long Telegram holds a request without updates; a shorter one is asked for more often."""
_POLL_LIMIT_S = 15.0
_MAX_UPDATES = 100
_KINDS = ("message", "callback_query", "my_chat_member")
_BUTTONS = ((PageAction.ACK, "Acknowledge"), (PageAction.ESCALATE, "Escalate"))
_PRESS = re.compile(r"(ack|escalate|resolve):(\d{1,18})(?::(\d{1,11}))?")
"""What a button carries: the action, the delivery, and when the message was composed."""
_START = re.compile(r"/start(?:@\w+)? ([\w-]{1,64})")
_GONE = ("bot was blocked", "user is deactivated", "bot was kicked")
_UNKNOWN_CHAT = ("chat not found", "user not found", "can't initiate", "PEER_ID_INVALID")
_UNCHANGED = "message is not modified"
_ANSWER_BYTES = 180
"""An answer to a press has at most 200 characters."""
_HELP = "Open Telegram from the contact methods in Firebell to receive pages here."


class Telegram:
    """Sends to the private chat of a user, without markup: broken markup would lose the message."""

    limits = MessageLimits(title=200, text=3500, whole=16_000)

    def __init__(self, http: httpx.AsyncClient, token: str, api_url: str) -> None:
        self._http = http
        self._token = token
        self._api = f"{api_url.rstrip('/')}/bot{token}"

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Send one message."""
        if not self._token:
            return Failed(f"{_TOKEN} is not set.", suspect=False)

        async def attempt(short: bool) -> AttemptOutcome:
            fields = {"chat_id": int(address), **fields_of(message, short=short)}
            return await attempt_outcome(self.call("sendMessage", fields), _outcome)

        return without_secrets(await whole_or_short(attempt), self._api)

    async def retract(self, address: str, provider_id: str, message: Message) -> Outcome | None:
        """Replace a message by the one that says how its subject ended, without buttons."""
        fields = {"chat_id": int(address), "message_id": int(provider_id), **fields_of(message)}
        outcome = await attempt_outcome(self.call("editMessageText", fields), _outcome)
        if isinstance(outcome, ContentRefused):
            return (
                None
                if _UNCHANGED in outcome.reason
                else Failed("The message can't be edited.", suspect=False)
            )
        return without_secrets(outcome, self._api)

    async def call(self, method: str, fields: Mapping[str, Any], limit_s: float = 10.0) -> OutboundResponse:
        content = msgspec.json.encode(fields)
        return await post(
            self._http, f"{self._api}/{method}", limit_s=limit_s, content=content, headers=_JSON
        )


def fields_of(message: Message, *, short: bool = False) -> dict[str, Any]:
    """Return the fields of one message beside its chat; a page has buttons."""
    limits = Telegram.limits
    # its buttons answer it
    text = compose(replace(message, actions=()), limits.title, limits.text, short=short)
    fields: dict[str, Any] = {"text": text, "link_preview_options": {"is_disabled": True}}
    if message.urgency != "high":
        fields["disable_notification"] = True
    if message.actions and message.delivery_id:
        named = f"{message.delivery_id}:{int(message.composed_at.timestamp())}"
        row = [{"text": message.word(label), "callback_data": f"{name}:{named}"} for name, label in _BUTTONS]
        fields["reply_markup"] = {"inline_keyboard": [row]}
    return fields


def _outcome(reply: OutboundResponse) -> AttemptOutcome:
    answer = json_object(reply)
    if reply.ok:
        result = answer.get("result")
        message_id = result.get("message_id") if isinstance(result, dict) and answer.get("ok") else None
        return accepted_with_id(reply, "Telegram", message_id)
    description = str(answer.get("description", ""))
    reason = f"{reply.status} {description or reply.text}"[:200]
    if any(words in description for words in _GONE):
        return Failed(reason, gone=True)
    if any(words in description for words in _UNKNOWN_CHAT):
        return Failed(reason)
    if reply.status in (401, 403, 404):
        # Telegram knows no such bot
        return Failed(f"{reason}: replace {_TOKEN}.", suspect=False)
    if reply.status == 429:
        return wait_or_failed(reason, object_in(answer, "parameters").get("retry_after") or reply.retry_after)
    return outcome_of(reply)


class TelegramPoller:
    """Fetches presses, and who opened the bot, by long polling."""

    pause_s = 0.5
    waits_for = timedelta()

    def __init__(self, telegram: Telegram) -> None:
        self._telegram = telegram

    async def fetch(self, cursor: str, waiting: Sequence[WaitingMessage]) -> Fetched:
        """Return the updates since the one that `cursor` names; asking for the next ones confirms them."""
        fields = {
            "timeout": _LONG_POLL_S,
            "limit": _MAX_UPDATES,
            "allowed_updates": _KINDS,
            **({"offset": int(cursor)} if cursor else {}),
        }
        try:
            reply = await self._telegram.call("getUpdates", fields, limit_s=_POLL_LIMIT_S)
        except httpx.HTTPError as exc:
            return Fetched(cursor=cursor, problem=type(exc).__name__)
        answer = json_object(reply)
        updates = answer.get("result")
        if not reply.ok or not isinstance(updates, list):
            return Fetched(cursor=cursor, problem=f"{reply.status} {answer.get('description', '')}"[:200])
        known = [
            each for each in updates if isinstance(each, dict) and isinstance(each.get("update_id"), int)
        ]
        after = max((each["update_id"] for each in known), default=None)
        read = [update for each in known for update in read_update(each)]
        return Fetched(read, cursor if after is None else str(after + 1))

    async def answer(self, answers: Sequence[tuple[str, SignalAnswer]]) -> None:
        """Show the answer to a press above the chat, and that to a message in it."""
        for reply_to, answer in answers:
            where, _, target = reply_to.partition(":")
            text = cut(answer.text or _HELP, _ANSWER_BYTES)
            if where == "press":
                fields = {"callback_query_id": target, "text": text, "show_alert": not answer.is_done}
                await attempt_outcome(self._telegram.call("answerCallbackQuery", fields), _outcome)
            else:
                await attempt_outcome(
                    self._telegram.call("sendMessage", {"chat_id": int(target), "text": text}), _outcome
                )


def read_update(update: Mapping[str, Any]) -> list[Update]:
    """Return what one update says; empty for what is of no interest or makes no sense."""
    press, message, member = (object_in(update, name) for name in _KINDS_READ)
    if press:
        sender, data = _id(object_in(press, "from")), _PRESS.fullmatch(str(press.get("data", "")))
        if not sender or not data:
            return []
        composed_at = datetime.fromtimestamp(int(data[3]), UTC) if data[3] else None
        pressed = Press(
            f"{update['update_id']}", int(data[2]), PageAction(data[1]), sender, composed_at=composed_at
        )
        return [Update(pressed, f"press:{press.get('id', '')}")]
    chat = object_in(message or member, "chat")
    sender = _id(chat)
    if not sender or chat.get("type") != "private":
        return []
    signal = _of_member(member, sender) if member else _of_message(message, sender)
    return [Update(signal, f"chat:{sender}" if message else "")] if signal else []


_KINDS_READ = ("callback_query", "message", "my_chat_member")


def _of_message(message: Mapping[str, Any], sender: str) -> Signal | None:
    match = _START.fullmatch(str(message.get("text", "")).strip())
    if match is None:
        return None
    user = object_in(message, "from")
    name = f"@{user['username']}" if user.get("username") else str(user.get("first_name", ""))
    return Connect(match[1], sender, cut(name, 80))


def _of_member(member: Mapping[str, Any], sender: str) -> Signal | None:
    match object_in(member, "new_chat_member").get("status"):
        case "kicked":
            return OptOut(sender)
        case "member":
            return OptIn(sender)
        case _:
            return None


def _id(value: Mapping[str, Any]) -> str:
    number = value.get("id")
    return str(number) if isinstance(number, int) and number > 0 else ""


def check_address(address: str) -> str:
    """Return the id of a user; raise `Invalid` for a name or a group."""
    text = address.strip()
    if not _USER.fullmatch(text):
        raise Invalid(
            f"{address[:80]!r} is not the id of a Telegram user.",
            fields={"address": "Open Telegram from your contact methods: the bot then knows your id."},
        )
    return text


def connect_url(settings: Mapping[str, str], token: str) -> str:
    """Return the address that opens the bot, which then sends the token back."""
    return f"https://t.me/{settings[_NAME]}?start={token}"


def check_settings(settings: Mapping[str, str]) -> None:
    """Raise `StartupError` if the token or the name can be of no bot."""
    if settings[_TOKEN] and not _BOT_TOKEN.fullmatch(settings[_TOKEN]):
        raise StartupError(
            f"{_TOKEN} is not the token of a bot.", hint="Copy it from @BotFather: 123456:ABC…"
        )
    if settings[_NAME] and not _BOT_NAME.fullmatch(settings[_NAME]):
        raise StartupError(
            f"{_NAME} is {settings[_NAME]!r}, which is not the name of a bot.",
            hint="Use the user name without @, such as acme_oncall_bot.",
        )


async def check_health(
    http: httpx.AsyncClient, settings: Mapping[str, str], addresses: Sequence[str] | None
) -> list[CheckResult]:
    """Return whether Telegram accepts the token, whether the bot has the name, and whether updates can be fetched."""
    if not _is_ready(settings):
        return []
    api = f"{_api_of(settings)}/bot{settings[_TOKEN]}"

    def bot(answer: Mapping[str, Any]) -> str:
        name = str(object_in(answer, "result").get("username", ""))
        is_named = name.casefold() == settings[_NAME].casefold()
        return f"Telegram accepts the token of @{name}." if is_named else ""

    def no_webhook(answer: Mapping[str, Any]) -> str:
        url = object_in(answer, "result").get("url")
        return "Firebell can read the updates of the Telegram bot." if url == "" else ""

    advice = f"Check that {_TOKEN} is the token of the bot {settings[_NAME]} ({_NAME})."
    fetching = "The Telegram bot has a webhook, so Firebell can’t read its updates. Use a separate bot."
    return [
        *await check_token("telegram", send(http, "GET", f"{api}/getMe"), bot, advice),
        *await check_token("telegram", send(http, "GET", f"{api}/getWebhookInfo"), no_webhook, fetching),
    ]


def _is_ready(settings: Mapping[str, str]) -> bool:
    return bool(settings[_TOKEN] and settings[_NAME])


def _api_of(settings: Mapping[str, str]) -> str:
    return (settings[_API_URL] or _DEFAULT_API_URL).rstrip("/")


def _open(edges: Edges) -> Telegram:
    return Telegram(edges.http, edges.settings[_TOKEN], _api_of(edges.settings))


CHANNEL = Channel(
    kind="telegram",
    rank=30,
    label="Telegram",
    icon="message-square",
    address_label="Telegram user ID",
    address_help="“Open Telegram”",
    limits=Telegram.limits,
    open=_open,
    check_address=check_address,
    is_typed=False,
    settings=(Setting(_TOKEN), Setting(_NAME), Setting(_API_URL)),
    check_settings=check_settings,
    is_ready=_is_ready,
    off_text=f"Set {_TOKEN} and {_NAME} to those of a bot from @BotFather.",
    check_health=check_health,
    # 30 messages a second in all
    rate=SendRate(per_s=25, burst=32),
    is_secret=False,
    retracts=True,
    connect_url=connect_url,
    poller=lambda edges: TelegramPoller(_open(edges)),
    shared_hosts=frozenset({"api.telegram.org"}),
)
