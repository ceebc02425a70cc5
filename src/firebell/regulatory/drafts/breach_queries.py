"""The register of personal data breaches of GDPR art. 33(5): facts, effects, remedial action, and what was notified."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.regulatory import queries, rules
from firebell.regulatory.drafts import facts as draft_facts
from firebell.regulatory.drafts import queries as draft_queries
from firebell.regulatory.drafts import store as draft_store
from firebell.regulatory.drafts.model import FieldAnswer, KnownFact
from firebell.regulatory.model import SUBMITTED, Answer, FactRecord
from firebell.regulatory.queries import IncidentClocks

PERSONAL_DATA = "personal_data"
OBLIGATIONS = ("GDPR-33", "UKGDPR-33")
"""The notifications to an authority that the register is about."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One personal data breach; what is empty was not recorded. `reason` says why it was late or not notified."""

    incident: Incident
    decided_at: datetime
    decided_by: str
    facts: str
    effects: str
    remedial_action: str
    notified_at: datetime | None
    notified: str
    reason: str


async def breaches(tx: Tx, actor: Actor, now: datetime) -> list[Breach]:
    """Return the personal data breaches whose drafts an actor may see, newest incident first."""
    current = await queries.setup(tx)
    listed = [one for one in await queries.register(tx, now) if _is_breach(one)]
    drafts = await draft_store.drafts(tx, [one.incident.id for one in listed])
    answers = await draft_store.answers(tx, [d.id for each in drafts.values() for d in each])
    results = []
    for one in listed:
        if not await draft_queries.may_draft(tx, actor, one.incident):
            continue
        written: dict[str, FieldAnswer] = {}
        for draft in drafts.get(one.incident.id, ()):
            if draft.obligation in OBLIGATIONS:
                written |= answers[draft.id]
        sources = await draft_queries.draft_sources(tx, one.incident, current)
        known = {
            name: draft_facts.known_fact(name, sources)
            for name in ("summary", "affected", "measures", "impact_start", "impact_end")
        }
        results.append(breach(one, rules.latest(one.facts.records), known, written))
    return results


def _is_breach(one: IncidentClocks) -> bool:
    record = rules.latest(one.facts.records).get(PERSONAL_DATA)
    return record is not None and record.answer is Answer.YES and not one.incident.drill


def breach(
    one: IncidentClocks,
    records: Mapping[str, FactRecord],
    known: Mapping[str, KnownFact | None],
    written: Mapping[str, FieldAnswer],
) -> Breach:
    """Return the entry of an incident: what people wrote into the notification, else the facts behind it."""

    def stated(field: str, *facts: str) -> str:
        if field in written and written[field].text:
            return written[field].text
        return "; ".join(fact.text for name in facts if (fact := known.get(name)))

    decided = records[PERSONAL_DATA]
    sent = [record for name in OBLIGATIONS if (record := records.get(f"{SUBMITTED}{name}"))]
    notified = next((r for r in sent if r.answer is Answer.YES), None)
    unlikely = records.get("risk_unlikely")
    not_notified = unlikely.reason if unlikely and unlikely.answer is Answer.YES else ""
    delay = written["delay"].text if "delay" in written else ""
    return Breach(
        one.incident,
        decided.effective_at or decided.recorded_at,
        decided.actor,
        _joined(stated("nature", "summary"), stated("started_at", "impact_start"), stated("records")),
        _joined(stated("consequences"), stated("subjects", "affected")),
        stated("measures", "measures"),
        notified.effective_at if notified else None,
        notified.reason if notified else "",
        delay if notified else not_notified,
    )


def _joined(*texts: str) -> str:
    return "\n".join(text for text in texts if text)


CSV_HEAD: Sequence[str] = (
    *("incident", "title", "decided_at", "decided_by", "facts", "effects", "remedial_action"),
    *("notified_at", "notified", "reason"),
)
