"""Drafts of what an audience is sent: its template, filled from the timeline of the incident."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from firebell.audiences import store
from firebell.audiences.model import AudienceDefinition, AudienceText, Moment
from firebell.handbook import templates
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.localtime import format_short

_SUBJECT_LINE = "Subject: "


async def draft(
    tx: Tx,
    incident: Incident,
    audience: AudienceDefinition,
    moment: Moment,
    public_url: str,
    tz: str,
    now: datetime,
) -> AudienceText:
    """Return the text of the audience's template, filled from the timeline; open placeholders stay in it.

    A text for outsiders has no cause but the one that was published.
    """
    values = await _values(tx, incident, audience, public_url, tz, now)
    filled = await incidents.message(
        tx, incident, audience.templates[moment], public_url, tz, now, values=values
    )
    first_line, _, rest = filled.text.partition("\n")
    if first_line.startswith(_SUBJECT_LINE):
        return AudienceText(audience.slug, first_line.removeprefix(_SUBJECT_LINE), rest.strip())
    subject = f"{incident.marked_ref} SEV{incident.severity}: {incident.title}"
    if moment is Moment.END:
        subject = f"Over: {subject}"
    return AudienceText(audience.slug, subject, filled.text)


async def _values(
    tx: Tx,
    incident: Incident,
    audience: AudienceDefinition,
    public_url: str,
    tz: str,
    now: datetime,
) -> Mapping[str, str]:
    """Return the values that differ for an audience from those of the room."""
    every = audience.cadence[incident.severity].every
    values = {"audience": "customer" if audience.is_external else audience.name}
    if every is not None:
        values["next_update"] = format_short(now + timedelta(minutes=every), tz, now)
    if promise := await store.public_promise(tx, incident.id):
        slug, public_id, next_update_at = promise
        values["status_link"] = f"{public_url}/s/{slug}/incidents/{public_id}"
        if audience.is_external and next_update_at and next_update_at > now:
            values["next_update"] = format_short(next_update_at, tz, now)
    if audience.is_external:
        values["cause"] = await store.public_cause(tx, incident.id) or "{{cause}}"
    return values


def missing(text: AudienceText) -> list[str]:
    """Return the names of the placeholders that are still open in a text."""
    return templates.slots(f"{text.subject}\n{text.body}")
