"""Read models of the review of a document."""

from collections.abc import Sequence
from dataclasses import dataclass

from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.people import actions as people
from firebell.people import permissions
from firebell.people.model import Person, Role
from firebell.people.permissions import Rights, Verb
from firebell.postmortems import lookup
from firebell.postmortems.model import DocumentReview, Postmortem, Verdict
from firebell.postmortems.review import rules, store
from firebell.postmortems.review.rules import Reviewer, ReviewParties


@dataclass(frozen=True, slots=True)
class ReviewDesk:
    """The review of a document: its verdicts, whom it was asked of, and who else could be asked."""

    parties: ReviewParties
    reviews: Sequence[DocumentReview]
    asked: Sequence[Person]
    possible: Sequence[Reviewer]
    suggested: Sequence[Reviewer]

    def approval(self, version: int | None) -> DocumentReview | None:
        """Return the latest approval of a version, or None."""
        return next(
            (r for r in self.reviews if r.version_n == version and r.verdict is Verdict.APPROVE), None
        )


async def parties(tx: Tx, postmortem: Postmortem) -> ReviewParties:
    """Return who wrote a document, and how many active people could approve it."""
    return _parties(postmortem, await store.writer_ids(tx, postmortem.id), await _approvers(tx))


async def desk(tx: Tx, postmortem: Postmortem) -> ReviewDesk:
    """Return the review of a document; only those who may read each of its incidents can be asked."""
    about = await lookup.incidents_of(tx, postmortem)
    active = await _approvers(tx)
    parties = _parties(postmortem, await store.writer_ids(tx, postmortem.id), active)
    asked_ids = await store.reviewer_ids(tx, postmortem.id)
    teams = set(await people.team_ids_of(tx, postmortem.author_id)) if postmortem.author_id else set()
    members = await people.members(tx, sorted(teams))
    mates = {person_id for listed in members.values() for person_id, _ in listed}
    listed = [
        Reviewer(person.id, person.name, person.id not in mates)
        for person in await incidents.readers_among(tx, about, active)
        if not parties.wrote(person.id)
    ]
    by_id = await people.people_by_id(tx, asked_ids)
    return ReviewDesk(
        parties,
        await store.reviews(tx, postmortem.id),
        [by_id[each] for each in asked_ids],
        listed,
        rules.suggested(listed, parties, about[0].max_severity, asked_ids),
    )


async def _approvers(tx: Tx) -> list[Person]:
    return [
        person
        for person in await people.people(tx)
        if person.active and permissions.allows(Rights(Role(person.role)), Verb.POSTMORTEM_PUBLISH)
    ]


def _parties(postmortem: Postmortem, writers: frozenset[int], active: Sequence[Person]) -> ReviewParties:
    return ReviewParties(postmortem.author_id, writers, len(active))
