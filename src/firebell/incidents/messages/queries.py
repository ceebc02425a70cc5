"""Messages about an incident, filled with what is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from firebell.handbook import actions as handbook
from firebell.handbook import templates
from firebell.handbook.model import Template
from firebell.incidents.messages import placeholder_values
from firebell.incidents.model import Incident
from firebell.incidents.queries import summaries
from firebell.incidents.severity import Severity
from firebell.incidents.timeline import store as timeline_store
from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.errors import NotFound

_NOT_MESSAGES = (*templates.DOCUMENTS, *templates.SEVERITIES)
"""Templates that are not messages."""


class SeverityText(NamedTuple):
    """What a severity means and what happens next, in the organization's words."""

    meaning: str
    response: str


@dataclass(frozen=True, slots=True)
class IncidentMessage:
    """A template filled for an incident; `fits` is True if it suits the phase."""

    template: Template
    text: str
    fits: bool

    @property
    def missing(self) -> list[str]:
        """The names of the placeholders that are still empty."""
        return templates.slots(self.text)

    @property
    def parts(self) -> list[tuple[str, bool]]:
        """The text in pieces, each with True if it is an empty placeholder."""
        return templates.parts(self.text)


def severities(templates_by_id: Mapping[str, Template]) -> dict[Severity, SeverityText]:
    """Return the texts of each severity, in the organization's words or those of the handbook."""
    return {
        Severity(n): SeverityText(*templates.nonblank_lines(templates_by_id[name].body))
        for n, name in enumerate(templates.SEVERITIES)
    }


async def _slots(
    tx: Tx,
    templates_by_id: Mapping[str, Template],
    incident: Incident,
    public_url: str,
    tz: str,
    now: datetime,
) -> Mapping[str, str]:
    (summary,) = await summaries(tx, [incident])
    context = placeholder_values.MessageContext(
        services=[s.name for s in summary.services],
        runbooks=[s.runbook_url for s in summary.services if s.runbook_url],
        commander=summary.commander[0] if summary.commander else "",
        comms=summary.comms[0] if summary.comms else "",
        meaning=severities(templates_by_id)[Severity(incident.severity)].meaning,
        timeline=await timeline_store.timeline(tx, incident.id),
        organization=await org_settings.organization_name(tx),
        link=f"{public_url}/incidents/{incident.ref}",
        tz=tz,
    )
    return placeholder_values.slots(incident, context, now)


async def messages(
    tx: Tx, incident: Incident, public_url: str, tz: str, now: datetime
) -> list[IncidentMessage]:
    """Return all messages, those that suit the phase first, then in the order of the handbook."""
    templates_by_id = await handbook.all_templates(tx)
    slots = await _slots(tx, templates_by_id, incident, public_url, tz, now)
    suggested = [name for name in placeholder_values.suggested_templates(incident) if name in templates_by_id]
    others = [name for name in templates_by_id if name not in suggested and name not in _NOT_MESSAGES]
    return [
        IncidentMessage(
            template=templates_by_id[name],
            text=templates.fill(templates_by_id[name].body, slots).rstrip("\n"),
            fits=name in suggested,
        )
        for name in [*suggested, *others]
    ]


async def message(
    tx: Tx,
    incident: Incident,
    template_id: str,
    public_url: str,
    tz: str,
    now: datetime,
    *,
    values: Mapping[str, str] | None = None,
) -> IncidentMessage:
    """Return a message; raise `NotFound` if there is no message with this id.

    `values` replace those of placeholders, for readers who are told something else than the room.
    """
    template = await handbook.template(tx, template_id)
    templates_by_id = await handbook.all_templates(tx)
    if template_id in _NOT_MESSAGES:
        raise NotFound(f"{template_id} is a document, not a message.")
    slots = await _slots(tx, templates_by_id, incident, public_url, tz, now)
    text = templates.fill(template.body, {**slots, **(values or {})}).rstrip("\n")
    return IncidentMessage(template, text, template_id in placeholder_values.suggested_templates(incident))


async def next_update_text(tx: Tx, incident: Incident, public_url: str, tz: str, now: datetime) -> str:
    """Return the template of the next internal update, filled with what is known."""
    return (await message(tx, incident, placeholder_values.update_for(incident), public_url, tz, now)).text


async def severity_meaning(tx: Tx, severity: int) -> str:
    """Return what a severity means, in the organization's words or those of the handbook."""
    return severities(await handbook.all_templates(tx))[Severity(severity)].meaning
