"""Read models of responses: the settings in force, what an incident's steps follow from, and names of targets."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.incidents import actions as incidents
from firebell.incidents.model import ACTIVE, OPEN, Incident, IncidentRole, Phase
from firebell.incidents.severity import FACTS, Severity
from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid
from firebell.oncall.schedules import queries as oncall
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.regulatory import queries as regulatory
from firebell.regulatory.model import ACTIVE as RUNNING
from firebell.response import cadence, document, escalation_triggers, plan, store
from firebell.response.defaults import SHIPPED
from firebell.response.model import (
    CHANNEL,
    AppliedVersion,
    IncidentResponse,
    ResponseFacts,
    ResponseSettings,
    ResponseStep,
    RunningClock,
    StepState,
)

SECURITY_TYPE = "security"


@dataclass(frozen=True, slots=True)
class TargetNames:
    """The targets that exist: (reference outside, name) by reference inside, such as schedule:3."""

    known: Mapping[str, tuple[str, str]]

    def outside(self, who: str) -> str:
        """Return the name of a target in a document, such as schedule:primary; groups stay."""
        return self.known[who][0] if who in self.known else who

    def inside(self, who: str) -> str:
        """Return the reference of a target of a document; raise `Invalid` if there is none."""
        for reference, (name, _) in self.known.items():
            if name == who:
                return reference
        raise Invalid(f"There is no {who[:80]}.")

    def label(self, who: str) -> str:
        """Return the name of a target for people."""
        return self.known[who][1] if who in self.known else plan.who_name(who)

    def text(self, step: ResponseStep) -> str:
        """Return what a step does, with names instead of references."""
        return step.text.replace(step.who, self.label(step.who)) if ":" in step.who else step.text


async def target_names(tx: Tx) -> TargetNames:
    """Return every target that can be paged."""
    known: dict[str, tuple[str, str]] = {}
    for schedule in await oncall.schedules(tx):
        known[f"schedule:{schedule.id}"] = (f"schedule:{schedule.slug}", schedule.name)
    for policy in await paging.policies(tx):
        known[f"policy:{policy.id}"] = (f"policy:{policy.slug}", f"{policy.name} (policy)")
    for team in await people.teams(tx):
        known[f"team:{team.id}"] = (f"team:{team.slug}", f"{team.name} (team)")
    for person in await people.people(tx):
        known[f"person:{person.id}"] = (f"person:{person.email}", person.name)
    channels = await store.channels(tx)
    labels = Counter((kind, label) for _, kind, _, label in channels)
    for account_id, kind, channel, label in channels:
        # a label that two channels share names neither of them outside
        outside = label if labels[kind, label] == 1 else channel
        known[f"{CHANNEL}:{account_id}/{channel}"] = (f"{CHANNEL}:{kind}/{outside}", f"#{label}")
    return TargetNames(known)


async def names_of(tx: Tx, steps: Iterable[ResponseStep]) -> TargetNames:
    """Return the names of targets, read only if a step names one."""
    return await target_names(tx) if any(":" in step.who for step in steps) else TargetNames({})


async def settings(tx: Tx) -> tuple[ResponseSettings, AppliedVersion | None]:
    """Return the settings in force, and who applied them; None for the shipped ones."""
    stored = await store.latest(tx)
    if stored is None:
        return SHIPPED, None
    applied, values = stored
    return document.from_document(values, applied.version), applied


async def settings_of(tx: Tx, versions: Iterable[int]) -> dict[int, ResponseSettings]:
    """Return the settings of versions; 0 is the shipped one."""
    stored = await store.documents(tx, list({version for version in versions if version}))
    return {0: SHIPPED} | {
        version: document.from_document(values, version) for version, values in stored.items()
    }


@dataclass(frozen=True, slots=True)
class RunningResponse:
    """The response of an incident: its settings, what its steps follow from, and those to come."""

    incident: Incident
    response: IncidentResponse
    settings: ResponseSettings
    facts: ResponseFacts

    @property
    def pending(self) -> list[ResponseStep]:
        """The steps that have not acted, in order of time."""
        return plan.pending(self.settings, self.facts)

    def state(self, step: ResponseStep) -> StepState:
        """Return what happened to a step so far."""
        return self.facts.states.get(step.key, StepState())


async def running(tx: Tx, listed: Sequence[Incident], now: datetime) -> list[RunningResponse]:
    """Return the responses of those incidents that have one."""
    responses = await store.responses(tx, [incident.id for incident in listed])
    versions = await settings_of(tx, (response.version for response in responses.values()))
    states = await store.step_states(tx, list(responses))
    results = []
    for incident in listed:
        if response := responses.get(incident.id):
            in_force = versions[response.version]
            facts = await _facts(tx, incident, response, in_force, states[incident.id], now)
            results.append(RunningResponse(incident, response, in_force, facts))
    return results


async def _facts(
    tx: Tx,
    incident: Incident,
    response: IncidentResponse,
    in_force: ResponseSettings,
    states: dict[str, StepState],
    now: datetime,
) -> ResponseFacts:
    raised_at = await incidents.last_raise(tx, incident.id)
    assignments = (await incidents.roles(tx, [incident.id]))[incident.id]
    held = {assignment.role for assignment in assignments}
    commander = next((a for a in assignments if a.role is IncidentRole.COMMANDER), None)
    customers_from = max(filter(None, (response.customers_at or incident.declared_at, incident.reopened_at)))
    every = in_force.severities[incident.severity].customers_every
    return ResponseFacts(
        severity=incident.severity,
        declared_at=incident.declared_at,
        since=max(filter(None, (incident.declared_at, raised_at, response.reopened_at))),
        reopens=incident.reopen_count,
        is_open=incident.phase in OPEN and not incident.drill,
        is_active=incident.phase in ACTIVE,
        provisional=response.provisional,
        confirmed_at=response.confirmed_at,
        is_security=getattr(incident, "type", "") == SECURITY_TYPE,
        raised_at=raised_at,
        progress_at=await incidents.last_entry_at(tx, incident.id, escalation_triggers.PROGRESS_KINDS),
        missing_roles=tuple(
            r for r in FACTS[Severity(incident.severity)].roles if IncidentRole(r) not in held
        ),
        commander_since=(commander.person_id, commander.from_at) if commander else None,
        update_due=incident.update_due_at,
        update_from=incident.update_from,
        customers_due=cadence.due(
            customers_from,
            timedelta(minutes=every) if every else None,
            response.customers_promised_until,
            is_monitoring=incident.phase is Phase.MONITORING,
            clock=incident.drill_clock,
        ),
        customers_from=customers_from,
        requests=tuple(await store.requests(tx, incident.id)),
        clocks=await _clocks(tx, incident, now),
        states=states,
    )


async def _clocks(tx: Tx, incident: Incident, now: datetime) -> tuple[RunningClock, ...]:
    owed = (await regulatory.owed_by_incident(tx, [incident], now)).get(incident.id, [])
    return tuple(
        RunningClock(clock.id, clock.start.at, clock.due_at)
        for clock in owed
        if clock.start and clock.due_at and clock.state in RUNNING
    )
