"""Read models of regulatory clocks, for one incident and for all; the number of statements depends on neither."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN, Incident, Phase
from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.regulatory import rules, store
from firebell.regulatory.model import (
    ACTIVE,
    STOPPED,
    SUBMITTED,
    AppliedRegime,
    Clock,
    Contract,
    FactDefinition,
    FactRecord,
    IncidentFacts,
    Regime,
    RegimeSettings,
    State,
)
from firebell.regulatory.regimes import contracts as contract_rules
from firebell.regulatory.regimes.files import catalog

RESPONSIBLE_SETTING = "regulatory.responsible"
"""The organization setting with the id of who is responsible for regimes that name no one; 0 for no one."""
INCIDENTS_IN_REGISTER = 200
"""Number of incidents with recorded facts that the register shows, newest first."""


@dataclass(frozen=True, slots=True)
class Setup:
    """All regimes with their settings, the customer contracts, and every fact that can be recorded."""

    shipped: list[AppliedRegime]
    contracts: list[Contract]
    definitions: dict[str, FactDefinition]
    responsible_id: int | None
    is_chosen: bool
    """Whether anyone has turned a regime on or off yet."""

    def regimes_of(self, records: Sequence[FactRecord]) -> list[AppliedRegime]:
        """Return the regimes that apply to an incident with these records.

        They are those that are on, those of which something was submitted or stopped, and its contracts.
        """
        recorded = {record.fact for record in records}
        acted_on = {fact.partition(":")[2] for fact in recorded if fact.startswith((SUBMITTED, STOPPED))}
        regimes = [
            one
            for one in self.shipped
            if one.settings.is_on or acted_on & {obligation.id for obligation in one.regime.obligations}
        ]
        own = [contract for contract in self.contracts if contract.fact in recorded]
        return [*regimes, *(contract_rules.applied(contract, self.responsible_id) for contract in own)]


@dataclass(frozen=True, slots=True)
class IncidentClocks:
    """An incident with its recorded facts and its clocks, most urgent first."""

    incident: Incident
    facts: IncidentFacts
    clocks: list[Clock]

    def in_states(self, *states: State) -> list[Clock]:
        """Return the clocks in these states, most urgent first."""
        return [clock for clock in self.clocks if clock.state in states]

    @property
    def owed(self) -> list[Clock]:
        """The clocks whose notification is owed, by due time."""
        return self.in_states(*ACTIVE)


def settings_of(regime: Regime, own: dict[str, RegimeSettings]) -> RegimeSettings:
    """Return the settings of a regime: the organization's, else as it is shipped."""
    return own.get(regime.id) or RegimeSettings(regime.is_on)


async def responsible_id(tx: Tx) -> int | None:
    """Return who is responsible for regimes that name no one, None for no one."""
    return await org_settings.get(tx, RESPONSIBLE_SETTING) or None


async def setup(tx: Tx) -> Setup:
    """Return how regimes and contracts apply to the organization."""
    shipped, own, all_contracts = catalog(), await store.settings(tx), await store.contracts(tx)
    applied = [AppliedRegime(r, settings_of(r, own)) for r in shipped.regimes.values()]
    return Setup(
        applied,
        all_contracts,
        {**shipped.facts, **{c.fact: contract_rules.definition(c) for c in all_contracts}},
        await responsible_id(tx),
        bool(own),
    )


async def clocks_of(tx: Tx, listed: Sequence[Incident], now: datetime) -> list[IncidentClocks]:
    """Return the clocks of each incident, in the given order."""
    if not listed:
        return []
    current = await setup(tx)
    records = await store.facts(tx, [incident.id for incident in listed])
    return [incident_clocks(current, incident, records[incident.id], now) for incident in listed]


def incident_clocks(
    current: Setup, incident: Incident, records: Sequence[FactRecord], now: datetime
) -> IncidentClocks:
    """Return the clocks that follow from the facts of an incident."""
    facts = IncidentFacts(
        incident.detected_at,
        incident.declared_at,
        tuple(records),
        is_drill=incident.drill,
        is_dismissed=incident.phase in (Phase.DISMISSED, Phase.MERGED),
    )
    every = rules.clocks(facts, current.regimes_of(records), current.definitions, now)
    return IncidentClocks(incident, facts, rules.by_urgency(every))


async def owed_by_incident(tx: Tx, listed: Sequence[Incident], now: datetime) -> dict[int, list[Clock]]:
    """Return the clocks whose notification is owed, by incident id, of those incidents that have any."""
    records = await store.facts(tx, [incident.id for incident in listed]) if listed else {}
    recorded = [incident for incident in listed if records[incident.id]]
    if not recorded:
        return {}
    current = await setup(tx)
    every = [incident_clocks(current, incident, records[incident.id], now) for incident in recorded]
    return {one.incident.id: one.owed for one in every if one.owed}


async def register(tx: Tx, now: datetime) -> list[IncidentClocks]:
    """Return the clocks of all open incidents and of the latest with recorded facts, newest incident first."""
    current = await incidents.incidents(tx, tuple(OPEN), False, INCIDENTS_IN_REGISTER)
    ids = {i.id for i in current}
    recorded = [i for i in await store.incidents_with_facts(tx, INCIDENTS_IN_REGISTER) if i not in ids]
    earlier = await incidents.incidents_by_id(tx, recorded)
    listed = sorted([*current, *earlier.values()], key=lambda incident: -incident.id)
    return await clocks_of(tx, listed, now)
