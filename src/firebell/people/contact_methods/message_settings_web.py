"""The screen on which a person sets how messages read at a contact method."""

from collections.abc import Mapping

from fastapi import Response

from firebell.channels.languages import languages
from firebell.kit.errors import Invalid
from firebell.kit.web import flash, html, routing
from firebell.people import actions, route_access
from firebell.people.model import MessagePrivacy
from firebell.people.own_contact_methods import own_method
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

_LIST = "/settings/contact"
_PRIVACY = {
    MessagePrivacy.FULL: "The title and the details",
    MessagePrivacy.TITLE_HIDDEN: "Only the page number, severity and service",
}


async def _form(
    visit: Visit, method_id: int, fields: Mapping[str, str], error: Invalid | None = None
) -> Response:
    method = await own_method(visit.tx, visit.person.id, method_id)
    context = {
        "nav": "settings",
        "tab": "contact",
        "address": method.shown_address,
        "languages": [(each.code, each.name) for each in languages().values()],
        "language": fields.get("language", method.language),
        "privacies": list(_PRIVACY.items()),
        "privacy": fields.get("privacy", method.privacy),
        "error": error,
    }
    return await html.render(visit.request, "people/message_settings.html", context)


@router.get(
    "/settings/contact/{method_id}/messages", dependencies=route_access.needs(Verb.CONTACT_METHOD_WRITE)
)
async def message_settings(visit: CurrentVisit, method_id: int) -> Response:
    return await _form(visit, method_id, {})


@router.post(
    "/settings/contact/{method_id}/messages", dependencies=route_access.needs(Verb.CONTACT_METHOD_WRITE)
)
async def save_message_settings(visit: CurrentVisit, method_id: int) -> Response:
    try:
        async with visit.tx.savepoint():
            method = await actions.set_message_settings(
                visit.tx,
                visit.actor,
                method_id=method_id,
                person_id=visit.person.id,
                language=visit.text("language"),
                privacy=visit.text("privacy"),
                now=visit.now,
            )
    except Invalid as error:
        return await _form(visit, method_id, visit.values, error)
    text = f"Message settings for {method.shown_address} saved."
    return flash.redirect(visit.request, _LIST, text)
