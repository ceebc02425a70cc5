"""Links that connect a channel over JSON."""

from datetime import datetime
from typing import Annotated

from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, problems
from firebell.people.api import ChannelKind
from firebell.people.contact_methods import address_links
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router()


class NewLink(ApiInput):
    """The channel to connect, such as telegram."""

    kind: ChannelKind


class LinkMade(ApiOutput):
    """The address to open on the device that gets pages, until it expires; it works once."""

    kind: str
    url: str
    expires_at: datetime


@router.post(
    "/me/contact-methods/links",
    status_code=201,
    tags=["me"],
    summary="Create a link that connects a channel, such as Telegram, as a contact method",
    responses=problems(409),
)
async def create_link(w: Annotated[Work, work(Verb.CONTACT_METHOD_WRITE)], body: NewLink) -> LinkMade:
    return LinkMade.model_validate(address_links.create(w.ctx, body.kind, w.person_id, w.now))
