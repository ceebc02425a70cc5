"""Actions on accounts: connect, replace tokens, change settings, pause, disconnect, retry and drop."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from firebell.catalog import actions as catalog
from firebell.chat import store
from firebell.chat.adapter_base.message_model import digest
from firebell.chat.mirror import comparison_queue_store, object_store
from firebell.chat.model import (
    CHAT_LABELS,
    Account,
    AccountSecrets,
    AccountSettings,
    AnnouncementRule,
    ChatKind,
    OncallGroup,
)
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.http_out import check_url
from firebell.kit.localtime import check_zone
from firebell.kit.text import clean_name, clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

MAX_RULES = 100
LABEL_MAX_CHARS = 80
WEBHOOK_HOSTS = {
    ChatKind.DISCORD: ("discord.com", "discordapp.com"),
    ChatKind.GOOGLE_CHAT: ("chat.googleapis.com",),
}
"""The hosts of webhooks; those of Teams have many, of one's own environment."""
_CHANNEL = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_COMMAND = re.compile(r"/[a-z0-9][a-z0-9_-]{0,30}")


@dataclass(frozen=True, slots=True)
class Connection:
    """What a chat answered when it was asked who we are there."""

    kind: ChatKind
    external_id: str
    name: str
    mode: str
    bot_user: str = ""
    bot_id: str = ""
    address: str = ""
    scopes: tuple[str, ...] = ()


async def account(tx: Tx, account_id: int) -> Account:
    """Return an account; raise `NotFound`."""
    return _existing(await store.account(tx, account_id))


async def locked(tx: Tx, account_id: int) -> Account:
    """Lock and return an account, to change some of its settings and keep the others; raise `NotFound`."""
    # taken before the row: deleting a service can wait for something that waits for the row
    await catalog.hold_uses(tx)
    return _existing(await store.account(tx, account_id, lock=True))


def _existing(existing: Account | None) -> Account:
    if existing is None:
        raise NotFound("There is no such chat account.", hint="See all at /settings/chat.")
    return existing


@permits(Verb.CHAT_WRITE)
async def connect(
    tx: Tx, actor: Actor, connection: Connection, secrets: AccountSecrets, hint: str, tz: str, now: datetime
) -> Account:
    """Connect a workspace, or give it new tokens; it continues where it stopped.

    `hint` is the end of the token, the only part that is ever shown.
    """
    before = await store.account_by_external_id(tx, connection.kind, connection.external_id)
    connected = await store.save_account(
        tx,
        kind=connection.kind,
        external_id=connection.external_id,
        name=clean_name(connection.name or connection.external_id, "name"),
        mode=connection.mode,
        address=connection.address,
        bot_user=connection.bot_user,
        bot_id=connection.bot_id,
        scopes=connection.scopes,
        secrets=secrets,
        hint=hint,
        created_by=actor.person_id,
        now=now,
    )
    if before is None:
        await store.save_settings(tx, connected.id, replace(connected.settings, tz=tz))
        await tx.audit(actor, "chat.connected", _subject(connected), now, kind=connected.kind)
    else:
        await object_store.retry_skipped(tx, connected.id)
        await tx.audit(actor, "chat.tokens_replaced", _subject(connected), now, kind=connected.kind)
    await _compare_all(tx, connected, now)
    return await account(tx, connected.id)


def _subject(connected: Account) -> str:
    return f"chat:{CHAT_LABELS[connected.kind]} {connected.name}"


async def _compare_all(tx: Tx, connected: Account, now: datetime) -> None:
    await comparison_queue_store.want_open_incidents(tx, connected.id, now)
    await comparison_queue_store.want(tx, "groups", 4, now, connected.id)
    await tx.wake("chat")
    await tx.wake("chat_inbox")


@permits(Verb.CHAT_WRITE)
async def disconnect(tx: Tx, actor: Actor, account_id: int, now: datetime) -> Account:
    """Disconnect a workspace; what is in the chat stays there."""
    connected = await account(tx, account_id)
    await store.delete_account(tx, account_id)
    await tx.audit(actor, "chat.disconnected", _subject(connected), now)
    return connected


@permits(Verb.CHAT_WRITE)
async def pause(tx: Tx, actor: Actor, account_id: int, now: datetime) -> Account:
    """Stop calling a chat; what changes meanwhile follows when it is resumed. Idempotent."""
    connected = await account(tx, account_id)
    if connected.paused_at is None:
        await store.pause(tx, account_id, now)
        await tx.audit(actor, "chat.paused", _subject(connected), now)
    return connected


@permits(Verb.CHAT_WRITE)
async def resume(tx: Tx, actor: Actor, account_id: int, now: datetime) -> Account:
    """Call a chat again. Idempotent."""
    connected = await account(tx, account_id)
    if connected.paused_at is not None:
        await store.pause(tx, account_id, None)
        await tx.audit(actor, "chat.resumed", _subject(connected), now)
        await _compare_all(tx, connected, now)
    return connected


@permits(Verb.CHAT_WRITE)
async def set_settings(
    tx: Tx, actor: Actor, account_id: int, settings: AccountSettings, now: datetime
) -> Account:
    """Change the choices of an account; raise `Invalid` for one that does not exist."""
    connected = await account(tx, account_id)
    checked = check_settings(connected, settings)
    kept = {service_id for rule in connected.settings.rules for service_id in rule.service_ids}
    await catalog.hold_services(
        tx, {service_id for rule in checked.rules for service_id in rule.service_ids} - kept
    )
    await store.save_settings(tx, account_id, checked)
    await tx.audit(actor, "chat.settings", _subject(connected), now)
    await _compare_all(tx, connected, now)
    return await account(tx, account_id)


def check_settings(connected: Account, settings: AccountSettings) -> AccountSettings:
    """Return the settings in their one spelling; raise `Invalid`."""
    if any(severity not in range(4) for severity in settings.room_severities):
        raise Invalid("A severity is 0 to 3.", fields={"room_severities": "Use 0, 1, 2 or 3."})
    check_zone(settings.tz)
    if settings.unlinked not in ("declare", "nothing"):
        raise Invalid("This is not a choice.", fields={"unlinked": "Use declare or nothing."})
    for name in ("incident_command", "page_command"):
        if not _COMMAND.fullmatch(getattr(settings, name)):
            raise Invalid("A command is a slash and a word.", fields={name: "Use a name such as /incident."})
    if len(settings.rules) > MAX_RULES:
        raise Invalid(f"There are more than {MAX_RULES} rules.", fields={"channel": "Remove a rule first."})
    _check_groups(connected, settings.groups)
    rules = tuple(_checked_rule(connected, rule) for rule in settings.rules)
    return replace(settings, room_severities=tuple(sorted(set(settings.room_severities))), rules=rules)


def _checked_rule(connected: Account, rule: AnnouncementRule) -> AnnouncementRule:
    channel = rule.channel.strip().lstrip("#")
    if not _CHANNEL.fullmatch(channel):
        raise Invalid(
            "This is not the id of a channel.",
            fields={
                "channel": "Enter the id of the channel, such as C024BE91L, from its details in the chat."
            },
        )
    label = clean_text(rule.label.strip().lstrip("#"), LABEL_MAX_CHARS, "label")
    return replace(rule, channel=channel, label=label, severities=tuple(sorted(set(rule.severities))))


@permits(Verb.CHAT_WRITE)
async def add_rule(tx: Tx, actor: Actor, account_id: int, rule: AnnouncementRule, now: datetime) -> Account:
    """Announce incidents or pages in one more channel."""
    connected = await locked(tx, account_id)
    settings = replace(connected.settings, rules=(*connected.settings.rules, rule))
    return await set_settings(tx, actor, account_id, settings, now)


def rule_key(rule: AnnouncementRule) -> str:
    """Return a key that identifies a rule within its account."""
    return digest(rule)


@permits(Verb.CHAT_WRITE)
async def remove_rule(
    tx: Tx, actor: Actor, account_id: int, number: int, now: datetime, *, key: str = ""
) -> Account:
    """Remove the announcement rule at this position, counted from 0; raise `NotFound`.

    With the key of a rule, remove that rule wherever it is now, so that sending a form twice removes only one.
    """
    connected = await locked(tx, account_id)
    rules = list(connected.settings.rules)
    if key:
        number = next((at for at, rule in enumerate(rules) if rule_key(rule) == key), -1)
    if not 0 <= number < len(rules):
        raise NotFound("There is no such rule.", hint="Someone may have removed it. Reload the page.")
    del rules[number]
    return await set_settings(tx, actor, account_id, replace(connected.settings, rules=tuple(rules)), now)


@permits(Verb.CHAT_WRITE)
async def set_groups(
    tx: Tx, actor: Actor, account_id: int, groups: Sequence[OncallGroup], now: datetime
) -> Account:
    """Replace the user groups that hold who is on call; raise `Invalid` for one without an id or a schedule."""
    connected = await locked(tx, account_id)
    return await set_settings(tx, actor, account_id, replace(connected.settings, groups=tuple(groups)), now)


def _check_groups(connected: Account, groups: Sequence[OncallGroup]) -> None:
    if groups and connected.kind is not ChatKind.SLACK:
        raise Invalid(
            f"{CHAT_LABELS[connected.kind]} has no user groups.", fields={"groups": "Leave them out."}
        )
    for group in groups:
        if not _CHANNEL.fullmatch(group.group):
            raise Invalid(
                "This is not the id of a group.",
                fields={"group": "Enter the id of the group, such as S0614TZR7, from its address."},
            )
        if not group.schedule_ids:
            raise Invalid("A group needs a schedule.", fields={"schedule": "Enter a schedule."})


@permits(Verb.CHAT_WRITE)
async def retry(tx: Tx, actor: Actor, account_id: int, key: str, now: datetime) -> None:
    """Send a dead letter again; raise `NotFound` if it is not one."""
    connected = await account(tx, account_id)
    target = await object_store.retry_dead(tx, account_id, key, now)
    if target is None:
        raise NotFound("There is no such dead letter.")
    await comparison_queue_store.want(tx, target, 1, now, account_id)
    await tx.audit(actor, "chat.retried", _subject(connected), now, key=key)
    await tx.wake("chat")


@permits(Verb.CHAT_WRITE)
async def drop(tx: Tx, actor: Actor, account_id: int, key: str, now: datetime) -> None:
    """Give up a dead letter; raise `NotFound` if it is not one."""
    connected = await account(tx, account_id)
    if not await object_store.drop_dead(tx, account_id, key):
        raise NotFound("There is no such dead letter.")
    await tx.audit(actor, "chat.dropped", _subject(connected), now, key=key)


def check_webhook(kind: ChatKind, url: str) -> str:
    """Return the address of a webhook; raise `Invalid` for one that is not of this chat."""
    address = check_url(url)
    parts = urlsplit(address)
    if parts.scheme != "https":
        raise Invalid("The address must begin with https.", fields={"address": "Copy it from the chat."})
    hosts = WEBHOOK_HOSTS.get(kind)
    if hosts and parts.hostname not in hosts:
        raise Invalid(
            f"This is not a webhook of {CHAT_LABELS[kind]}.",
            fields={"address": f"The address begins with https://{hosts[0]}."},
        )
    return address
