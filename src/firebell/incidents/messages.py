"""Every message about an incident, filled with what is known: for the page, the room and the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from firebell.handbook import actions as handbook
from firebell.handbook import templates
from firebell.handbook.model import Template
from firebell.incidents import message_values, store
from firebell.incidents.model import Incident
from firebell.incidents.queries import summaries
from firebell.incidents.severity import Severity
from firebell.kit import org_settings
from firebell.kit.db import Tx
from firebell.kit.errors import NotFound

_OTHERS = (*templates.DOCUMENTS, *templates.SEVERITIES)
"""Templates that are no messages."""


class Said(NamedTuple):
    """What a severity is called by the organization."""

    meaning: str
    response: str


@dataclass(frozen=True, slots=True)
class Message:
    """One template filled for one incident; `missing` are the slots that a person must fill."""

    template: Template
    text: str
    fits: bool

    @property
    def missing(self) -> list[str]:
        """The slots that nobody has filled."""
        return templates.slots(self.text)

    @property
    def parts(self) -> list[tuple[str, bool]]:
        """The text in pieces, each with whether it is a slot that is still empty."""
        return templates.parts(self.text)


def severities(known: Mapping[str, Template]) -> dict[Severity, Said]:
    """Return what each severity means and asks for, in the organization's words or the handbook's."""
    return {
        Severity(n): Said(*templates.said(known[name].body)) for n, name in enumerate(templates.SEVERITIES)
    }


async def _slots(
    tx: Tx, known: Mapping[str, Template], found: Incident, public_url: str, tz: str, now: datetime
) -> Mapping[str, str]:
    (summary,) = await summaries(tx, [found])
    around = message_values.MessageContext(
        services=[s.name for s in summary.services],
        runbooks=[s.runbook_url for s in summary.services if s.runbook_url],
        commander=summary.commander[0] if summary.commander else "",
        comms=summary.comms[0] if summary.comms else "",
        meaning=severities(known)[Severity(found.severity)].meaning,
        timeline=await store.timeline(tx, found.id),
        organization=str(await org_settings.get(tx, "organisation", "")),
        link=f"{public_url}/incidents/{found.ref}",
        tz=tz,
    )
    return message_values.slots(found, around, now)


async def messages(tx: Tx, found: Incident, public_url: str, tz: str, now: datetime) -> list[Message]:
    """Return the messages, those that fit the phase first, the others in the order of the handbook."""
    known = await handbook.all_templates(tx)
    slots = await _slots(tx, known, found, public_url, tz, now)
    fitting = [name for name in message_values.suggested_templates(found) if name in known]
    rest = [name for name in known if name not in fitting and name not in _OTHERS]
    return [
        Message(known[name], templates.fill(known[name].body, slots).rstrip("\n"), name in fitting)
        for name in [*fitting, *rest]
    ]


async def message(
    tx: Tx, found: Incident, template_id: str, public_url: str, tz: str, now: datetime
) -> Message:
    """Return one message; raise `NotFound` for an id that is no message."""
    wanted, known = await handbook.template(tx, template_id), await handbook.all_templates(tx)
    if template_id in _OTHERS:
        raise NotFound(f"{template_id} is a document, not a message.")
    slots = await _slots(tx, known, found, public_url, tz, now)
    text = templates.fill(wanted.body, slots).rstrip("\n")
    return Message(wanted, text, template_id in message_values.suggested_templates(found))
