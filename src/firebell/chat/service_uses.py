"""The announcement rules of chats that use a service."""

from firebell.catalog.uses import ServiceUse, named_uses
from firebell.chat import store
from firebell.kit.db.database import Tx
from firebell.people.permissions import Verb


async def uses(tx: Tx, service_id: int, slug: str) -> list[ServiceUse]:
    """Return the announcement rules that are restricted to a service."""
    channels = [
        rule.label or rule.channel
        for account in await store.accounts(tx)
        for rule in account.settings.rules
        if service_id in rule.service_ids
    ]
    return named_uses(channels, "announcement rule", "/settings/chat", Verb.CHAT_WRITE)
