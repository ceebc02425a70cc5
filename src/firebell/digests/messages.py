"""The mail with a weekly digest: what was written, without what its reader may no longer see."""

from collections.abc import Sequence
from datetime import datetime

from firebell.channels.base import Message
from firebell.digests import actions, store, unsubscribing
from firebell.digests.writing import text_lines
from firebell.incidents import actions as incidents
from firebell.kit import private_reader
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.notify.model import Outgoing
from firebell.people import actions as people


async def compose(tx: Tx, ctx: Context, outgoing: Sequence[Outgoing], now: datetime) -> list[Message]:
    """Return the message of each digest; incidents that became private since it was written are left out."""
    digests = await store.by_id(tx, [one.delivery.subject_id for one in outgoing])
    persons = await people.people_by_id(tx, [one.recipient.id for one in outgoing])
    slugs = {team.id: team.slug for team in await people.teams(tx)}
    messages = []
    for delivery, recipient in outgoing:
        stored = digests[delivery.subject_id]
        with private_reader.as_reader(actions.reader_of(persons[recipient.id])):
            hidden = frozenset(await incidents.hidden_ids(tx))
        digest = actions.unpacked(stored.content).without(hidden)
        link = unsubscribing.url(ctx, recipient.id, stored.team_id, now)
        lines = [*text_lines(digest, ctx.public_url), "", f"Unsubscribe: {link}"]
        query = f"?week={digest.week.name}"
        if stored.team_id:
            query += f"&team={slugs[stored.team_id]}"
        messages.append(
            Message(
                event="digest",
                title=digest.title,
                urgency="low",
                composed_at=now,
                url=f"{ctx.public_url}/digest{query}",
                lines=tuple(lines),
                headers=(
                    ("List-Unsubscribe", f"<{link}>"),
                    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
                ),
            )
        )
    return messages
