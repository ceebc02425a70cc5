"""What a person sees on the home page of the app: their pages and incidents, and who is on call."""

from dataclasses import dataclass
from datetime import datetime

from firebell.chat.handlers import incident_queries, page_queries
from firebell.chat.handlers.page_queries import OnCallLine
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.incidents.queries import IncidentSummary
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.paging.model import UNANSWERED, Page


@dataclass(frozen=True, slots=True)
class HomeFacts:
    """The home page of one person; without a person, `context` says where they link their account."""

    context: ChatContext
    pages: list[Page]
    incidents: list[IncidentSummary]
    on_call: list[OnCallLine]

    @property
    def waiting(self) -> list[Page]:
        """The pages that no one has acknowledged."""
        return [page for page in self.pages if page.state in UNANSWERED]


async def facts(tx: Tx, context: ChatContext, now: datetime) -> HomeFacts:
    """Return what a person sees; someone who is linked to no one sees open incidents at most."""
    with private_reader.as_reader(context.reader):
        if context.person is None:
            may_read = context.account.settings.unlinked == "declare"
            listed = await incident_queries.listed(tx, context, "", now) if may_read else []
            return HomeFacts(context, [], listed, [])
        return HomeFacts(
            context,
            await page_queries.open_pages(tx, context.person.id, None, now),
            await incident_queries.listed(tx, context, "mine", now),
            await page_queries.on_call(tx, "", now) or [],
        )
