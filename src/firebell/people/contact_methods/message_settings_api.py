"""How messages read at my contact methods, over JSON."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from firebell.channels.languages import languages
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, PathId, problems
from firebell.people import actions
from firebell.people.api import MethodShown, method_shown
from firebell.people.model import MessagePrivacy
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router()

ContactOwner = Annotated[Work, work(Verb.CONTACT_METHOD_WRITE)]

if TYPE_CHECKING:
    LanguageCode = str
else:
    LanguageCode = Literal[tuple(languages())]


class MessageSettingsChange(ApiInput):
    """How messages read at a contact method; what is left out stays as it is."""

    language: Annotated[
        LanguageCode | None,
        Field(description="the language of Firebell’s own text", examples=["de"]),
    ] = None
    privacy: Annotated[
        MessagePrivacy | None,
        Field(description="`title_hidden` shows only the number, severity and service of a page"),
    ] = None


@router.patch(
    "/me/contact-methods/{method_id}",
    tags=["me"],
    summary="Change the language of messages through a contact method, and whether they show the title",
    responses=problems(404),
)
async def change_message_settings(
    w: ContactOwner, method_id: PathId, body: MessageSettingsChange
) -> MethodShown:
    method = await actions.set_message_settings(
        w.tx,
        w.actor,
        method_id=method_id,
        person_id=w.person_id,
        language=body.language,
        privacy=body.privacy,
        now=w.now,
    )
    return method_shown(method)
