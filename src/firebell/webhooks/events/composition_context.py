"""What all composers of events share."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from firebell.kit.db.database import Tx
from firebell.webhooks import event_types
from firebell.webhooks.events.payloads import EventData, WebhookEnvelope, WebhookNamed, WebhookPerson
from firebell.webhooks.events.subject_store import Names
from firebell.webhooks.model import Change, NewEvent

TEXT_BYTES = 8_000
"""Longer texts are cut."""


@dataclass(frozen=True, slots=True)
class CompositionContext:
    """The change whose events are composed, and what that takes."""

    tx: Tx
    change: Change
    public_url: str
    now: datetime

    def event(
        self,
        type_: str,
        subject: str,
        data: EventData,
        *,
        teams: Iterable[int | None] = (),
        services: Iterable[int | None] = (),
        incidents: Collection[int] = (),
    ) -> NewEvent:
        """Return an event of this change; `teams`, `services` and `incidents` are the ids of what it is about."""
        return new_event(
            *(type_, self.change.at, subject, data, self.change.id),
            team_ids=frozenset(i for i in teams if i is not None),
            service_ids=frozenset(i for i in services if i is not None),
            incident_ids=frozenset(incidents),
        )

    def url(self, path: str) -> str:
        """Return the address of a screen."""
        return f"{self.public_url}{path}"


def new_event(
    type_: str,
    at: datetime,
    subject: str,
    data: EventData,
    sequence: int,
    *,
    team_ids: frozenset[int] = frozenset(),
    service_ids: frozenset[int] = frozenset(),
    incident_ids: frozenset[int] = frozenset(),
) -> NewEvent:
    """Return an event with its body (pure)."""
    envelope = WebhookEnvelope(
        type=type_, timestamp=at.astimezone(UTC), version=event_types.VERSION, sequence=sequence
    )
    body = f'{envelope.model_dump_json()[:-1]},"data":{data.model_dump_json()}}}'.encode()
    return NewEvent(type_, at, subject, body, team_ids, service_ids, incident_ids)


def service_of(names: Names, service_id: int | None) -> WebhookNamed | None:
    """Return a service as events name it; None if there is none, or it was deleted."""
    slug, name, _ = names.services.get(service_id or 0, ("", "", 0))
    return WebhookNamed(slug=slug, name=name) if slug else None


def services_of(names: Names, service_ids: Iterable[int]) -> list[WebhookNamed]:
    """Return services as events name them, without those that were deleted."""
    return [each for i in service_ids if (each := service_of(names, i))]


def team_of(names: Names, team_id: int | None) -> WebhookNamed | None:
    """Return a team as events name it; None if there is none, or it was deleted."""
    slug, name = names.teams.get(team_id or 0, ("", ""))
    return WebhookNamed(slug=slug, name=name) if slug else None


def team_ids_of(names: Names, service_ids: Iterable[int]) -> set[int]:
    """Return the teams of services."""
    return {names.services[i][2] for i in service_ids if i in names.services}


def person_of(names: Names, person_id: int) -> WebhookPerson:
    """Return a person as events name them."""
    return WebhookPerson(id=person_id, name=names.people.get(person_id, "Former user"))
