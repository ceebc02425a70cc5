"""Read models of a publication: its checks, its recipients, and where it was published."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from firebell.action_items import actions as action_items
from firebell.handbook import actions as handbook
from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN, Incident
from firebell.kit.db.database import Tx
from firebell.people import actions as people
from firebell.people.model import Person
from firebell.postmortems import lookup
from firebell.postmortems.checks import queries as content
from firebell.postmortems.checks.content_checks import ContentProblem
from firebell.postmortems.editing import comment_store
from firebell.postmortems.external import store as external_store
from firebell.postmortems.external.model import ExternalVersion
from firebell.postmortems.model import Postmortem
from firebell.postmortems.open_placeholders import unfinished
from firebell.postmortems.publication import checks, distribution_settings, store
from firebell.postmortems.publication.checks import Blocker, CheckedItem, PublicationFacts
from firebell.postmortems.publication.distribution import DistributionSettings, Targets, expand
from firebell.postmortems.publication.store import Acknowledgment

_ACTION_REF = re.compile(r"\bACT-(\d{1,15})\b")
_READY_STAGES = ("not_needed", "approved", "published")


@dataclass(frozen=True, slots=True)
class Recipients:
    """Who gets a published document: people with an account, and addresses of others."""

    people: Sequence[Person]
    addresses: Sequence[str]

    @property
    def count(self) -> int:
        """The number of people and addresses."""
        return len(self.people) + len(self.addresses)


@dataclass(frozen=True, slots=True)
class ChosenDistribution:
    """Whom a document is sent to: its members by name, and the recipients that they stand for."""

    members: Sequence[str]
    names: Sequence[str]
    is_default: bool
    recipients: Recipients


@dataclass(frozen=True, slots=True)
class PublicationDesk:
    """Everything that is to be decided before a document is published."""

    postmortem: Postmortem
    incident: Incident
    blockers: Sequence[Blocker]
    acknowledged: Sequence[Acknowledgment]
    distribution: ChosenDistribution
    settings: DistributionSettings
    external: ExternalVersion | None


async def desk(tx: Tx, incident_id: int) -> PublicationDesk:
    """Return what keeps a document from being published; raise `NotFound` as `lookup.of_incident` does."""
    postmortem = await lookup.of_incident(tx, incident_id)
    return await desk_of(tx, postmortem)


async def desk_of(tx: Tx, postmortem: Postmortem) -> PublicationDesk:
    """Return what keeps a document that the caller has looked up from being published."""
    about = await lookup.incidents_of(tx, postmortem)
    severity = about[0].max_severity
    template = (await handbook.template(tx, "postmortem")).body
    acknowledged = await store.acknowledgments(tx, postmortem.id)
    settings = await distribution_settings.load(tx)
    chosen = await _distribution(tx, postmortem, about, settings)
    external = await external_store.external(tx, postmortem.id)
    comments = await comment_store.comments(tx, postmortem.id)
    facts = PublicationFacts(
        stage=postmortem.stage,
        is_incident_open=any(incident.phase in OPEN for incident in about),
        max_severity=severity,
        unfinished=unfinished(postmortem.body, template),
        problems=await content.problems_of(tx, postmortem, severity),
        acknowledged={each.problem for each in acknowledged},
        blocking_comments=sum(c.blocking and c.resolved_at is None for c in comments),
        items=await _items(tx, postmortem, about),
        recipients=chosen.recipients.count,
        is_external_decided=external is not None,
        is_external_unfinished=external is not None and external.stage not in _READY_STAGES,
    )
    return PublicationDesk(
        postmortem, about[0], checks.blockers(facts), acknowledged, chosen, settings, external
    )


async def problem(tx: Tx, postmortem: Postmortem, incident: Incident, key: str) -> ContentProblem | None:
    """Return a problem of a text that can be acknowledged, by its id; None if it has no such problem."""
    for each in await content.problems_of(tx, postmortem, incident.max_severity):
        if checks.problem_id(each) == key and each.code not in checks.NEVER_ACKNOWLEDGED:
            return each
    return None


async def _items(tx: Tx, postmortem: Postmortem, about: Sequence[Incident]) -> list[CheckedItem]:
    """Return the action items that a document names and that its incidents have, each with what it lacks."""
    of_incidents = await action_items.of_incidents(tx, [incident.id for incident in about])
    items = {item.id: item for listed in of_incidents.values() for item in listed}
    named = {int(number) for number in _ACTION_REF.findall(postmortem.body)} - items.keys()
    items |= await action_items.items_by_id(tx, sorted(named))
    checked = [
        CheckedItem(f"ACT-{item.id}", "has no owner" if item.is_unfinished and not item.owner_id else "")
        for _, item in sorted(items.items())
    ]
    missing = [CheckedItem(f"ACT-{number}", "does not exist") for number in sorted(named - items.keys())]
    return [*checked, *missing]


async def _distribution(
    tx: Tx, postmortem: Postmortem, about: Sequence[Incident], settings: DistributionSettings
) -> ChosenDistribution:
    chosen = await store.distribution(tx, postmortem.id)
    members = chosen or settings.default(about[0].max_severity)
    targets = expand(members, settings.by_slug())
    return ChosenDistribution(
        members,
        await member_names(tx, members, settings),
        not chosen,
        await _recipients(tx, about, targets),
    )


async def distribution_of(tx: Tx, postmortem: Postmortem) -> ChosenDistribution:
    """Return whom a document is sent to."""
    about = await lookup.incidents_of(tx, postmortem)
    return await _distribution(tx, postmortem, about, await distribution_settings.load(tx))


async def _recipients(tx: Tx, about: Sequence[Incident], targets: Targets) -> Recipients:
    """Return the active people and the addresses of targets, each once.

    With a private incident among those of the document, these are only people who may read it.
    """
    everyone = [person for person in await people.people(tx) if person.active]
    members = await people.members(tx, targets.team_ids)
    ids = {*targets.person_ids, *(i for listed in members.values() for i, _ in listed)}
    chosen = [
        person
        for person in everyone
        if targets.is_everyone or person.id in ids or person.email.lower() in targets.addresses
    ]
    reached = {person.email.lower() for person in everyone}
    is_private = any(incident.is_private for incident in about)
    addresses = [] if is_private else [a for a in targets.addresses if a not in reached]
    return Recipients(await incidents.readers_among(tx, about, chosen), addresses)


async def member_names(tx: Tx, members: Sequence[str], settings: DistributionSettings) -> list[str]:
    """Return the names of members for people."""
    ids = [int(m.removeprefix("person:")) for m in members if m.startswith("person:")]
    persons = await people.people_by_id(tx, ids) if ids else {}
    names = {f"list:{slug}": each.name for slug, each in settings.by_slug().items()}
    names |= {f"team:{team.id}": team.name for team in await people.teams(tx)}
    names |= {f"person:{i}": person.name for i, person in persons.items()}
    names |= {"everyone": "Everyone"}
    return [names.get(member, member.removeprefix("email:")) for member in members]
