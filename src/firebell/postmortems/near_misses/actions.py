"""Actions on near misses: report, edit and publish them."""

from datetime import datetime

from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.postmortems import store as postmortem_store
from firebell.postmortems.deadlines import OTHER_WITHIN
from firebell.postmortems.editing import version_store
from firebell.postmortems.model import VersionReason
from firebell.postmortems.near_misses import store
from firebell.postmortems.near_misses.model import UNNAMED, NearMiss, NearMissReport, cleaned
from firebell.postmortems.postmortem_list import indexing
from firebell.postmortems.reminders import actions as reminders


async def near_miss(tx: Tx, number: int) -> NearMiss:
    """Return a near miss; raise `NotFound` if there is none."""
    return _existing(await store.near_miss(tx, number), number)


def _existing(near_miss: NearMiss | None, number: int) -> NearMiss:
    if near_miss is None:
        raise NotFound(f"There is no near miss NM-{number}.", hint="See all under Post-mortems, Near misses.")
    return near_miss


async def _check_services(tx: Tx, report: NearMissReport) -> None:
    known = await catalog.services_by_id(tx, list(report.service_ids))
    if any(each not in known for each in report.service_ids):
        raise Invalid("There is no such service.", fields={"services": "Choose services from the list."})


@permits(Verb.NEAR_MISS_REPORT)
async def report_near_miss(
    tx: Tx, actor: Actor, report: NearMissReport, now: datetime, *, unnamed: bool = False
) -> NearMiss:
    """Report a near miss, due as a document within a week. With `unnamed`, nothing stored names its reporter."""
    report = cleaned(report, now)
    await _check_services(tx, report)
    author = SYSTEM if unnamed else actor
    label = UNNAMED if unnamed else actor.label
    number = await store.insert(tx, report, author.person_id, label, now + OTHER_WITHIN, now, unnamed=unnamed)
    reported = await near_miss(tx, number)
    await reminders.schedule(tx, reported.postmortem_id, now)
    await indexing.index(tx, reported.postmortem_id)
    await tx.audit(author, "near_miss.reported", reported.ref, now, unnamed=unnamed)
    await tx.live("near-misses")
    return reported


@permits(Verb.POSTMORTEM_WRITE)
async def edit_near_miss(
    tx: Tx, actor: Actor, number: int, report: NearMissReport, version: int, now: datetime
) -> NearMiss:
    """Save a near miss that was edited from a version; raise `Conflict` if someone saved another one meanwhile.

    A published one becomes a draft until it is published again.
    """
    old = _existing(await store.lock(tx, number), number)
    report = cleaned(report, now)
    await _check_services(tx, report)
    if version != old.version:
        raise Conflict(
            f"{old.ref} was changed while you edited it.", hint="Copy your text, then open it again."
        )
    if report == old.report:
        return old
    await store.save(tx, number, report)
    new_version = old.version + 1
    await version_store.insert(
        tx, old.postmortem_id, new_version, report.body, VersionReason.SAVE, actor, now
    )
    await postmortem_store.set_body(tx, old.postmortem_id, report.body, new_version, "draft", now)
    await indexing.index(tx, old.postmortem_id)
    await tx.audit(actor, "near_miss.edited", old.ref, now)
    await tx.live("near-misses")
    return await near_miss(tx, number)


@permits(Verb.POSTMORTEM_PUBLISH)
async def publish_near_miss(tx: Tx, actor: Actor, number: int, now: datetime) -> NearMiss:
    """Publish a near miss that has lessons. Idempotent."""
    old = _existing(await store.lock(tx, number), number)
    if old.state == "published":
        return old
    if not old.report.lessons:
        raise Invalid("There is nothing to learn yet.", fields={"lessons": "Enter what you learned from it."})
    await postmortem_store.publish(tx, old.postmortem_id, now)
    await tx.audit(actor, "near_miss.published", old.ref, now)
    await tx.live("near-misses")
    return await near_miss(tx, number)
