"""Actions on facts, regimes and contracts. Recording a fact adds a timeline entry and checks the reminders."""

from datetime import datetime
from typing import Any

from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN, Incident, IncidentMerged
from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.jobs import timers
from firebell.kit.localtime import check_zone
from firebell.kit.text import clean_name, clean_text
from firebell.kit.truncation import cut
from firebell.people import actions as people
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb
from firebell.regulatory import queries, rules, store
from firebell.regulatory.model import (
    STOPPED,
    SUBMITTED,
    Answer,
    Contract,
    FactDefinition,
    FactRecord,
    FactType,
    Regime,
    RegimeSettings,
    Unit,
)
from firebell.regulatory.queries import Setup
from firebell.regulatory.regimes import contracts as contract_rules
from firebell.regulatory.regimes.files import catalog
from firebell.regulatory.reminding import ENTRY_KIND, REMINDER_TIMER

REASON_MAX_CHARS = 2000
MAX_AMOUNT = 1000
"""The largest time limit of a contract, in its unit."""
CONTRACT_STARTS = ("detected", "declared", "aware")
CONTRACT_UNITS = (Unit.HOURS, Unit.DAYS, Unit.BUSINESS_DAYS)


def obligation_label(current: Setup, obligation_id: str) -> str:
    """Return the title of an obligation with its regime, such as DORA: Initial notification."""
    for applied in current.shipped:
        for obligation in applied.regime.obligations:
            if obligation.id == obligation_id:
                return f"{applied.regime.name}: {obligation.title}"
    for contract in current.contracts:
        if contract.obligation_id == obligation_id:
            return f"Customer contract: notice to {contract.customer}"
    raise NotFound(f"There is no obligation {obligation_id}.", hint="See all regimes at /clocks/regimes.")


def fact_definition(current: Setup, fact: str) -> FactDefinition:
    """Return the definition of a fact that a person can record; raise `Invalid` for any other."""
    for prefix in (SUBMITTED, STOPPED):
        if fact.startswith(prefix):
            label = obligation_label(current, fact.removeprefix(prefix))
            return FactDefinition(fact, FactType.DECISION, label)
    definition = current.definitions.get(fact)
    if definition is None:
        raise Invalid(f"There is no fact {fact!r}.", fields={"fact": "Choose one from the list."})
    if definition.type is FactType.INCIDENT:
        raise Invalid(
            f"“{definition.label}” is a time of the incident itself.", fields={"fact": "Choose another fact."}
        )
    return definition


@permits(Verb.REGULATORY_RECORD)
async def record_fact(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    fact: str,
    answer: Answer,
    now: datetime,
    *,
    effective_at: datetime | None = None,
    reason: str = "",
) -> FactRecord:
    """Record a fact of an incident; the same answer again changes nothing. A changed answer needs a reason.

    `fact` is the id of a fact, or `submitted:` or `stopped:` with the id of an obligation. A yes without a time
    happened now.
    """
    current = await queries.setup(tx)
    definition = fact_definition(current, fact)
    incident = await incidents.incident(tx, incident_id)
    if incident.drill:
        raise Conflict(f"{incident.ref} is a drill, and a drill starts no regulatory clock.")
    effective_at = (effective_at or now).replace(microsecond=0) if answer is Answer.YES else None
    before = rules.latest((await store.facts(tx, [incident_id]))[incident_id]).get(fact)
    if before and (before.answer, before.effective_at) == (answer, effective_at):
        return before
    reason = clean_text(reason, REASON_MAX_CHARS, "reason")
    _check(definition, answer, effective_at, reason, before, now)
    text = _entry_text(definition, fact, answer, effective_at, reason, is_change=before is not None)
    if actor is SYSTEM:
        text = text[0].upper() + text[1:]
    # locks the incident before anything of this slice is written
    await incidents.record_entry(
        tx, actor, incident_id, ENTRY_KIND, text, {"fact": fact, "answer": str(answer)}, now
    )
    record = await store.add_fact(
        tx, incident_id, fact, answer, effective_at, reason, actor.person_id, actor.label, now
    )
    await tx.audit(actor, "regulatory.fact", incident.ref, now, fact=fact, answer=str(answer), reason=reason)
    await timers.schedule(tx, REMINDER_TIMER, str(incident_id), now)
    return record


def _check(
    definition: FactDefinition,
    answer: Answer,
    effective_at: datetime | None,
    reason: str,
    before: FactRecord | None,
    now: datetime,
) -> None:
    """Raise `Invalid` unless the answer can be recorded."""
    if effective_at and effective_at > now:
        raise Invalid("The time is in the future.", fields={"at": "Enter when it happened."})
    if definition.has_default and answer is Answer.NO:
        raise Invalid(
            f"“{definition.label}” is a time.",
            fields={"answer": "Enter when it was, or that it isn't known."},
        )
    if before is not None and not reason:
        raise Invalid("A changed fact needs a reason.", fields={"reason": "Enter why it changes."})
    if not reason and (answer is Answer.NO or definition.id.startswith(STOPPED)):
        raise Invalid("This decision needs a reason.", fields={"reason": "Enter the reason."})


def _entry_text(
    definition: FactDefinition,
    fact: str,
    answer: Answer,
    effective_at: datetime | None,
    reason: str,
    *,
    is_change: bool,
) -> str:
    """Return what the timeline says after the name of the person."""
    because = f" {reason}" if reason else ""
    at = f"{effective_at:%Y-%m-%d %H:%M} UTC" if effective_at else ""
    if fact.startswith(SUBMITTED):
        done = f"recorded the submission of “{definition.label}”: {at}." if at else ""
        return f"{done or f'withdrew the submission of “{definition.label}”.'}{because}"
    if fact.startswith(STOPPED):
        return f"{'stopped' if at else 'restarted'} the clock “{definition.label}”.{because}"
    if answer is Answer.UNKNOWN:
        value = "not known"
    elif answer is Answer.NO:
        value = "no"
    else:
        value = at if definition.type is FactType.TIME else f"yes, {at}"
    verb = "changed" if is_change else "recorded"
    return f"{verb} “{definition.label.rstrip('?')}”: {value}.{because}"


@internal("Called after an event of the incident.")
async def start_clocks(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Apply the customer contracts that match the severity of an incident, and check its reminders. Idempotent."""
    incident = (await incidents.incidents_by_id(tx, [payload["incident_id"]])).get(payload["incident_id"])
    if incident is None or incident.drill:
        return
    await _apply_contracts(tx, incident, now)
    await timers.schedule(tx, REMINDER_TIMER, str(incident.id), now)


async def _apply_contracts(tx: Tx, incident: Incident, now: datetime) -> None:
    decided = [record.fact for record in (await store.facts(tx, [incident.id]))[incident.id]]
    all_contracts = await store.contracts(tx)
    for contract in contract_rules.matching(
        all_contracts, incident.max_severity, incident.declared_at, decided
    ):
        await record_fact(
            tx,
            SYSTEM,
            incident.id,
            contract.fact,
            Answer.YES,
            now,
            effective_at=incident.declared_at,
            reason=f"The contract requires a notice from SEV{contract.max_severity} on.",
        )


async def merge_facts(tx: Tx, event: IncidentMerged, now: datetime) -> None:
    """Give the facts of a merged incident to the one it was merged into; of two times the earlier one counts.

    The clocks that run there now stop at the merged incident, so that what is submitted once is not owed twice. A clock
    that was stopped at the merged incident does not stop one that runs at the other.
    """
    into = (await incidents.incidents_by_id(tx, [event.into_id]))[event.into_id]
    [clocks] = await queries.clocks_of(tx, [into], now)
    running = {f"{STOPPED}{clock.id}" for clock in clocks.owed}
    records = await store.facts(tx, [event.incident_id, event.into_id])
    known = rules.latest(records[event.into_id])
    reason = f"Merged from INC-{event.incident_id}."
    for fact, record in rules.latest(records[event.incident_id]).items():
        if fact in running:
            continue
        own = known.get(fact)
        is_earlier = (
            own is not None
            and own.effective_at is not None
            and record.effective_at is not None
            and record.effective_at < own.effective_at
        )
        decides = own is None or (own.answer is Answer.UNKNOWN and record.answer is not Answer.UNKNOWN)
        overrules = own is not None and own.answer is Answer.NO and record.answer is Answer.YES
        if decides or is_earlier or overrules:
            await record_fact(
                *(tx, SYSTEM, event.into_id, fact, record.answer, now),
                effective_at=record.effective_at,
                reason=cut(f"{reason} {record.reason}".strip(), REASON_MAX_CHARS),
            )
    await _stop_merged_clocks(tx, event, now)


async def _stop_merged_clocks(tx: Tx, event: IncidentMerged, now: datetime) -> None:
    """Stop each clock of a merged incident whose notification the other one has submitted, or owes no later."""
    known = await incidents.incidents_by_id(tx, [event.incident_id, event.into_id])
    merged, into = await queries.clocks_of(tx, [known[event.incident_id], known[event.into_id]], now)
    others = {clock.id: clock for clock in into.clocks}
    for clock in merged.owed:
        other = others.get(clock.id)
        if other is not None and clock.due_at and rules.covers(other, clock.due_at):
            await record_fact(
                *(tx, SYSTEM, event.incident_id, f"{STOPPED}{clock.id}", Answer.YES, now),
                reason=f"INC-{event.into_id} owes this notification no later, or has submitted it.",
            )


async def check_open_incidents(tx: Tx, now: datetime) -> None:
    """Check the reminders of all open incidents and of those with recorded facts, after a setting changed."""
    ongoing = await incidents.incidents(tx, tuple(OPEN), False, queries.INCIDENTS_IN_REGISTER)
    recorded = await store.incidents_with_facts(tx, queries.INCIDENTS_IN_REGISTER)
    ids = {*recorded, *(incident.id for incident in ongoing)}
    await timers.schedule_many(tx, REMINDER_TIMER, [(str(i), now, 0) for i in sorted(ids)])


def regime(regime_id: str) -> Regime:
    """Return a shipped regime; raise `NotFound`."""
    if regime_id not in catalog().regimes:
        raise NotFound(f"There is no regime {regime_id}.", hint="See all regimes at /clocks/regimes.")
    return catalog().regimes[regime_id]


@permits(Verb.REGULATORY_WRITE)
async def set_regime(
    tx: Tx, actor: Actor, regime_id: str, settings: RegimeSettings, now: datetime
) -> RegimeSettings:
    """Set whether and how a regime applies to the organization."""
    shipped = regime(regime_id)
    if settings.tz:
        check_zone(settings.tz)
    if settings.responsible_id is not None:
        await _active_person(tx, settings.responsible_id)
    authority = " ".join(clean_text(settings.authority, 120, "authority").split())
    kept = RegimeSettings(settings.is_on, authority, settings.tz, settings.responsible_id)
    await store.set_settings(tx, regime_id, kept, now)
    await tx.audit(actor, "regulatory.regime", shipped.name, now, on=kept.is_on)
    await check_open_incidents(tx, now)
    await tx.live("incidents")
    return kept


async def _active_person(tx: Tx, person_id: int) -> None:
    person = await people.person(tx, person_id)
    if not person.active:
        raise Conflict(f"{person.name} is deactivated.", fields={"responsible": "Choose someone else."})


@permits(Verb.REGULATORY_WRITE)
async def set_responsible(tx: Tx, actor: Actor, person_id: int | None, now: datetime) -> None:
    """Set who is reminded of clocks whose regime names no one; None for no one."""
    if person_id is not None:
        await _active_person(tx, person_id)
    await org_settings.put(tx, queries.RESPONSIBLE_SETTING, person_id or 0)
    await tx.audit(actor, "regulatory.responsible", "regulatory", now, person=person_id)


@permits(Verb.REGULATORY_WRITE)
async def add_contract(
    tx: Tx,
    actor: Actor,
    *,
    customer: str,
    clause: str,
    amount: int,
    unit: str,
    starts_on: str,
    max_severity: int,
    tz: str,
    now: datetime,
) -> Contract:
    """Add a customer contract that requires a notice of incidents; it applies to incidents from now on."""
    customer = clean_name(customer, "customer")
    if not 1 <= amount <= MAX_AMOUNT:
        raise Invalid(
            "The time limit is out of range.", fields={"amount": f"Enter a number from 1 to {MAX_AMOUNT}."}
        )
    if unit not in CONTRACT_UNITS:
        raise Invalid(f"{unit[:40]!r} is not a unit.", fields={"unit": f"Use {', '.join(CONTRACT_UNITS)}."})
    if starts_on not in CONTRACT_STARTS:
        raise Invalid(
            f"{starts_on[:40]!r} starts no contract.",
            fields={"starts_on": f"Use {', '.join(CONTRACT_STARTS)}."},
        )
    if not 0 <= max_severity <= 3:
        raise Invalid("That is not a severity.", fields={"severity": "Use SEV0 to SEV3."})
    check_zone(tz)
    contract = await store.add_contract(
        tx,
        customer,
        " ".join(clean_text(clause, 60, "clause").split()),
        amount,
        Unit(unit),
        starts_on,
        max_severity,
        tz,
        now,
    )
    await tx.audit(actor, "regulatory.contract_added", customer, now, contract=contract.id)
    return contract


@permits(Verb.REGULATORY_WRITE)
async def end_contract(tx: Tx, actor: Actor, contract_id: int, now: datetime) -> Contract:
    """End a contract: it applies to no new incident, and clocks that it started continue."""
    contract = await store.end_contract(tx, contract_id, now)
    if contract is None:
        raise NotFound(f"There is no contract {contract_id} in force.")
    await tx.audit(actor, "regulatory.contract_ended", contract.customer, now, contract=contract.id)
    return contract
