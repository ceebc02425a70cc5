"""Read models of similar incidents: who is alike, why, how it ended, and what helped."""

from collections.abc import Sequence
from dataclasses import dataclass

from firebell.action_items import actions as action_items
from firebell.action_items.model import ActionItem
from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.incidents.timeline.mitigation_effects import JUDGED_KINDS, what_helped
from firebell.kit.db.database import Tx
from firebell.postmortems.document.factors import label
from firebell.postmortems.similar import scoring, store
from firebell.postmortems.similar.scoring import SHOWN_MAX, Likeness


@dataclass(frozen=True, slots=True)
class SimilarIncident:
    """An incident that is like another one, with how it ended."""

    incident: Incident
    likeness: Likeness
    reasons: Sequence[str]
    helped: str
    """The mitigation that helped last, as its author wrote it; empty if none did."""
    open_items: Sequence[ActionItem]

    @property
    def minutes(self) -> int | None:
        """How long the impact lasted, in minutes; None if that is not known."""
        end = self.incident.impact_end or self.incident.resolved_at
        start = self.incident.impact_start or self.incident.detected_at
        return max(0, round((end - start).total_seconds() / 60)) if end else None


@dataclass(frozen=True, slots=True)
class Resemblance:
    """The incidents that are most like one, at most `SHOWN_MAX`, and how many are alike in all."""

    shown: Sequence[SimilarIncident]
    total: int
    compared: int
    """The number of incidents that were compared, up to 1,000."""

    def __bool__(self) -> bool:
        """Return True if any incident is alike."""
        return bool(self.shown)

    @property
    def is_cut(self) -> bool:
        """True if there may be more incidents than were counted."""
        return self.compared == COMPARED_COUNTED

    @property
    def latest_help(self) -> SimilarIncident | None:
        """The newest of those shown in which something helped."""
        helped = [one for one in self.shown if one.helped]
        return max(helped, key=lambda one: one.incident.declared_at, default=None)


COMPARED_COUNTED = 1_000


def reasons(likeness: Likeness, service_names: Sequence[str]) -> list[str]:
    """Return why an incident is alike, in words, the strongest reason first."""
    words: list[str] = []
    if service_names:
        words.append(f"Same service: {', '.join(service_names[:3])}")
    if likeness.rules:
        words.append(f"Same alert rule: {', '.join(likeness.rules[:3])}")
    if likeness.factors:
        names = ", ".join(label(code) for code in likeness.factors[:4])
        noun = "factor" if len(likeness.factors) == 1 else "factors"
        words.append(f"{len(likeness.factors)} {noun} in common: {names}")
    if likeness.cosine >= scoring.COSINE_FROM:
        words.append(f"{round(100 * likeness.cosine)}% text similarity")
    return words


async def similar(tx: Tx, incident: Incident) -> Resemblance:
    """Return the incidents that are like one, without those that the reader may not read."""
    target = await store.profile(tx, incident.id)
    if target is None:
        return Resemblance((), 0, 0)
    hidden = await incidents.hidden_ids(tx)
    compared = await store.count_compared(tx, COMPARED_COUNTED)
    scored = [
        (one.incident_id, scoring.score(target, one.profile, one.cosine, compared))
        for one in await store.candidates(tx, incident.id, target, hidden)
    ]
    alike = scoring.most_alike(scored)
    shown = alike[:SHOWN_MAX]
    if not shown:
        return Resemblance((), 0, compared)
    ids = [one for one, _ in shown]
    by_id = await incidents.incidents_by_id(tx, ids)
    timelines = await incidents.timelines(tx, ids, JUDGED_KINDS)
    items = await action_items.of_incidents(tx, ids)
    services = await catalog.services_by_id(
        tx, sorted({service for _, likeness in shown for service in likeness.service_ids})
    )
    return Resemblance(
        [
            SimilarIncident(
                by_id[one],
                likeness,
                reasons(likeness, [services[i].name for i in likeness.service_ids if i in services]),
                next(reversed(what_helped(timelines[one])), ""),
                [item for item in items.get(one, ()) if item.is_unfinished],
            )
            for one, likeness in shown
            if one in by_id
        ],
        len(alike),
        compared,
    )
