"""Syncs one link: creates its issue once, reads it, and brings both sides together (spec 11.10)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.action_items import store as item_store
from firebell.action_items.model import ActionItem, ItemState
from firebell.action_items.trackers import actions, call_outcomes, incoming, issue_text, link_store, store
from firebell.action_items.trackers.compared_values import directions, our_values, their_values
from firebell.action_items.trackers.model import (
    FIELD_NAMES,
    NO_ONE,
    UNKNOWN_PERSON,
    Direction,
    Draft,
    LinkState,
    Proof,
    RemoteIssue,
    SyncField,
    TrackerLink,
    TrackerUser,
    Value,
    Values,
)
from firebell.action_items.trackers.session import Session
from firebell.action_items.trackers.three_way import MergePlan, merge
from firebell.action_items.trackers.vendor import Answer, CallFailed, Outcome
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.migrate import fence
from firebell.people import actions as people

LOOKUP_PAUSE = timedelta(days=1)
"""How long a person who was not found in a tracker is not looked up again."""
FIND_OVERLAP = timedelta(minutes=5)
PRIVATE_TEXT = "The incident is private, and this tracker is not, so nothing is synced."


@dataclass(frozen=True, slots=True)
class LinkJob:
    """A link with its item, and who people are in the tracker."""

    link: TrackerLink
    item: ActionItem
    users: Mapping[int, TrackerUser]

    @property
    def person_of(self) -> dict[str, int]:
        """The people by their id in the tracker."""
        return {user.external_id: person_id for person_id, user in self.users.items() if user.external_id}


async def _load(tx: Tx, session: Session, known: TrackerLink) -> LinkJob | None:
    """Lock an item and its link and return them; None if either is gone, or the tracker may not know the item."""
    items = await item_store.lock(tx, [known.item_id])
    link = await link_store.lock(tx, known.id)
    if link is None or link.item_id not in items:
        return None
    item = items[link.item_id]
    if await actions.is_hidden_from(tx, session.tracker, item):
        await call_outcomes.postpone(tx, link, session.now + call_outcomes.RECHECK, PRIVATE_TEXT)
        return None
    users = {user.person_id: user for user in await store.users(tx, session.tracker.id)}
    return LinkJob(link, item, users)


async def sync_link(ctx: Context, session: Session, link: TrackerLink) -> Answer | None:
    """Do what a link needs; return the answer that failed, None if all went well."""
    now = session.now
    async with ctx.work_db.tx() as tx:
        await fence(tx)
        job = await _load(tx, session, link)
    if job is None:
        return None
    try:
        await _look_up_people(ctx, session, job)
        if job.link.external_id is None and not await _create(ctx, session, job.link):
            return None
        await _compare(ctx, session, job.link)
    except CallFailed as failure:
        async with ctx.work_db.tx() as tx:
            await _record_failure(tx, session, link, failure.answer, now)
        if failure.answer.outcome in call_outcomes.UNREADABLE:
            return None
        return failure.answer
    return None


async def _record_failure(
    tx: Tx, session: Session, known: TrackerLink, answer: Answer, now: datetime
) -> None:
    link = await link_store.lock(tx, known.id)
    if link is None:
        return
    if answer.outcome in call_outcomes.UNREADABLE:
        await call_outcomes.note_unreadable(tx, link, answer, now)
    elif answer.outcome is Outcome.TOO_FAST:
        await call_outcomes.postpone(tx, link, now, link.error)
    else:
        # an attempt to create the issue is counted before its call
        delay = call_outcomes.retry_after(known.attempts)
        if link.external_id is None:
            # the tracker may have stored the issue: give its search the time to know it
            delay = max(delay, session.vendor.search_delay)
        await link_store.change(
            tx, link.id, check_at=now + delay, error=answer.reason, attempts=known.attempts + 1
        )


async def _look_up_people(ctx: Context, session: Session, job: LinkJob) -> None:
    """Find the owner of an item in the tracker, and the people whose handles someone entered."""
    entered = [user.person_id for user in job.users.values() if user.is_by_hand]
    owner = [job.item.owner_id] if job.item.owner_id is not None else []
    for person_id in dict.fromkeys([*owner, *entered]):
        user = job.users.get(person_id)
        if user and user.external_id:
            continue
        if user and user.looked_up_at and user.looked_up_at > session.now - LOOKUP_PAUSE:
            continue
        await _look_up(ctx, session, person_id, user)


async def _look_up(ctx: Context, session: Session, person_id: int, known: TrackerUser | None) -> None:
    """Find a person in the tracker, by the handle that someone entered, else by email address."""
    async with ctx.work_db.tx() as tx:
        person = await people.person(tx, person_id)
    text = known.handle if known and known.is_by_hand else person.email
    try:
        user = await session.vendor.api.find_user(session.call, session.tracker, text)
    except CallFailed as failure:
        if failure.answer.outcome not in (Outcome.NOT_FOUND, Outcome.REFUSED, Outcome.FORBIDDEN):
            raise
        user = None
    is_by_hand = known is not None and known.is_by_hand
    handle = (known.handle if known and is_by_hand else "") or (user.handle if user else "")
    async with ctx.work_db.tx() as tx:
        await store.save_user(
            tx,
            TrackerUser(
                session.tracker.id, person_id, handle, user.id if user else "", is_by_hand, session.now
            ),
        )


def _draft(ctx: Context, session: Session, job: LinkJob) -> Draft:
    item, marker = job.item, job.link.marker
    ours = our_values(item, session.vendor, job.users)
    chosen = directions(session.vendor, session.tracker)
    left_out = {SyncField.STATE, SyncField.TITLE, *job.link.left_out}
    if ours[SyncField.ASSIGNEE] == NO_ONE or ours[SyncField.ASSIGNEE].startswith(UNKNOWN_PERSON):
        left_out.add(SyncField.ASSIGNEE)
    values = {
        name: value
        for name, value in ours.items()
        if chosen.get(name, Direction.OFF) is not Direction.OFF and name not in left_out
    }
    text = (
        issue_text.markdown(item, marker, ctx.public_url)
        if session.vendor.has_markdown
        else "\n\n".join(issue_text.plain(item, marker, ctx.public_url))
    )
    return Draft(marker, item.ref, item.title, text, values)


async def _create(ctx: Context, session: Session, link: TrackerLink) -> bool:
    """Create the issue of a link, or find that of an earlier attempt; return False if there is none yet."""
    now = session.now
    if link.attempts and link.tried_at and now < link.tried_at + session.vendor.search_delay:
        async with ctx.work_db.tx() as tx:
            await call_outcomes.postpone(tx, link, link.tried_at + session.vendor.search_delay, link.error)
        return False
    async with ctx.work_db.tx() as tx:
        await fence(tx)
        # as it is now: people were looked up since it was read
        job = await _load(tx, session, link)
        if job is None:
            return False
        await link_store.change(
            tx,
            link.id,
            state=LinkState.CREATING,
            attempts=link.attempts + 1,
            tried_at=now,
            check_at=now + max(call_outcomes.retry_after(link.attempts), session.vendor.search_delay),
        )
    draft = _draft(ctx, session, job)
    api = session.vendor.api
    issue_id: str | None = None
    if link.attempts:
        issue_id = await api.find(session.call, session.tracker, draft, link.created_at - FIND_OVERLAP)
    if issue_id is None:
        try:
            issue_id = await api.create(session.call, session.tracker, draft)
        except CallFailed as failure:
            refused = failure.answer.fields - link.left_out - {SyncField.TITLE, SyncField.STATE}
            if failure.answer.outcome is not Outcome.REFUSED or not refused:
                raise
            # refused as a whole because of fields that an issue can do without
            async with ctx.work_db.tx() as tx:
                await link_store.change(
                    tx,
                    link.id,
                    left_out=sorted(link.left_out | refused),
                    error=failure.answer.reason,
                    check_at=session.now,
                    tried_at=None,
                )
            return False
    async with ctx.work_db.tx() as tx:
        if other := await link_store.of_issue(tx, session.tracker.id, issue_id):
            await call_outcomes.note_unreadable(tx, link, _linked_to(other), session.now)
            return False
        await link_store.change(tx, link.id, external_id=issue_id, check_at=session.now)
    return True


def _linked_to(other: TrackerLink) -> Answer:
    reason = f"{other.issue_key or 'This issue'} is linked to ACT-{other.item_id}."
    return Answer(Outcome.REFUSED, reason=reason)


async def _compare(ctx: Context, session: Session, link: TrackerLink) -> None:
    """Read the issue of a link, take over what changed there, and write what changed here."""
    async with ctx.work_db.tx() as tx:
        job = await _load(tx, session, link)
    if job is None or job.link.external_id is None:
        return
    known_etag = "" if job.link.is_changed else job.link.etag
    try:
        issue = await session.vendor.api.read(session.call, session.tracker, job.link.external_id, known_etag)
    except CallFailed as failure:
        if failure.answer.outcome is not Outcome.UNCHANGED:
            raise
        async with ctx.work_db.tx() as tx:
            await fence(tx)
            await _note_unchanged(tx, session, job.link)
        return
    if issue.is_deleted:
        async with ctx.work_db.tx() as tx:
            if (again := await _load(tx, session, link)) is not None:
                await call_outcomes.note_gone(tx, session.tracker, again.link, again.item, session.now)
        return
    if issue.is_pull_request:
        raise CallFailed(Answer(Outcome.REFUSED, reason=f"{issue.key} is a pull request, not an issue."))
    proofs = await _proofs(session, job.item, issue)
    async with ctx.work_db.tx() as tx:
        await fence(tx)
        plan = await _take_over(tx, session, link, issue, proofs)
    if plan is not None and plan.push:
        await _push(ctx, session, link, issue, plan.push)


async def _note_unchanged(tx: Tx, session: Session, known: TrackerLink) -> None:
    """Record that neither side changed; what changed meanwhile here, or by a notification there, is looked at next."""
    link = await link_store.lock(tx, known.id)
    if link is not None and not link.is_changed and link.check_at == known.check_at:
        now = session.now
        await link_store.change(
            *(tx, link.id),
            check_at=now + call_outcomes.RECHECK,
            synced_at=now,
            tried_at=now,
            attempts=0,
            error="",
        )


async def _proofs(session: Session, item: ActionItem, issue: RemoteIssue) -> Sequence[Proof]:
    """Return what closed an issue, if the item is about to be done without evidence."""
    if issue.state is not ItemState.DONE or not item.is_unfinished or item.evidence:
        return ()
    try:
        return await session.vendor.api.proofs(session.call, session.tracker, issue)
    except CallFailed as failure:
        if failure.answer.outcome in (Outcome.TOO_FAST, Outcome.TOKEN_REFUSED, Outcome.RETRY):
            raise
        return ()


async def _match_emails(tx: Tx, session: Session, job: LinkJob, issue: RemoteIssue) -> LinkJob:
    """Remember who the assignees are whose email address the tracker shows."""
    unknown = [u for u in issue.assignees if u.email and u.id not in job.person_of]
    if not unknown:
        return job
    ids = await store.people_by_email(tx, [user.email for user in unknown])
    users = dict(job.users)
    for user in unknown:
        person_id = ids.get(user.email)
        if person_id is not None and not (person_id in users and users[person_id].is_by_hand):
            users[person_id] = TrackerUser(
                session.tracker.id,
                person_id,
                user.handle,
                user.id,
                is_by_hand=False,
                looked_up_at=session.now,
            )
            await store.save_user(tx, users[person_id])
    return LinkJob(job.link, job.item, users)


async def _take_over(
    tx: Tx, session: Session, known: TrackerLink, issue: RemoteIssue, proofs: Sequence[Proof]
) -> MergePlan | None:
    """Compare an issue that was just read with its item as it is now, and store the result."""
    loaded = await _load(tx, session, known)
    if loaded is None:
        return None
    tracker, now = session.tracker, session.now
    other = await link_store.of_issue(tx, tracker.id, issue.id)
    if other is not None and other.id != known.id:
        await call_outcomes.note_unreadable(tx, loaded.link, _linked_to(other), now)
        return None
    job = await _match_emails(tx, session, loaded, issue)
    link, person_of = job.link, job.person_of
    ours = our_values(job.item, session.vendor, job.users)
    theirs = their_values(issue, ours)
    # a new issue has what it was created with; of an older one, nothing was agreed yet
    is_new = not link.snapshot and (link.marker in issue.text or issue.id == link.marker)
    snapshot: dict[SyncField, Value] = dict(theirs) if is_new else dict(link.snapshot)
    plan = merge(snapshot, ours, theirs, directions(session.vendor, tracker), link.standoffs)
    result = await incoming.take(tx, tracker, job.item, issue, plan.take, person_of, proofs, now)
    for conflict in plan.conflicts:
        if conflict.field not in result.refused:
            await incoming.record_conflict(tx, tracker, result.item, conflict, person_of, now)
    standoffs = _standing(link.standoffs, ours, theirs)
    standoffs |= {name: (ours[name], theirs[name]) for name in result.refused}
    if plan.unknown_owner:
        standoffs[SyncField.ASSIGNEE] = (ours[SyncField.ASSIGNEE], theirs[SyncField.ASSIGNEE])
    problems = [f"{FIELD_NAMES[name]}: {reason}" for name, reason in result.refused.items()]
    if plan.unknown_owner and SyncField.ASSIGNEE not in result.refused:
        problems.append(f"Owner: {tracker.name} has no known user for this person.")
    elif standoffs and not problems:
        problems = [link.error] if link.error else []
    await link_store.change(
        tx,
        link.id,
        state=LinkState.MOVED if issue.was_moved else LinkState.LINKED,
        external_id=issue.id,
        issue_key=issue.key,
        url=issue.url,
        snapshot={**snapshot, **plan.agreed, **result.values},
        standoffs=standoffs,
        left_out=[],
        error=" ".join(problems)[:1000],
        etag="" if plan.push or standoffs or problems else issue.etag,
        is_changed=bool(plan.push),
        attempts=0,
        check_at=now + (timedelta(0) if plan.push else call_outcomes.RECHECK),
        synced_at=now,
        tried_at=now,
    )
    await tx.live("actions")
    await tx.live("trackers")
    return plan


def _standing(
    standoffs: Mapping[SyncField, tuple[Value, Value]], ours: Values, theirs: Values
) -> dict[SyncField, tuple[Value, Value]]:
    """Return the refusals that still stand: neither side has changed."""
    return {name: pair for name, pair in standoffs.items() if pair == (ours.get(name), theirs.get(name))}


async def _push(
    ctx: Context, session: Session, known: TrackerLink, issue: RemoteIssue, wanted: Mapping[SyncField, Value]
) -> None:
    """Write values to an issue, and agree on those that it has afterwards; the others are not tried again."""
    api, changes, reason = session.vendor.api, dict(wanted), ""
    refused: dict[SyncField, Value] = {}
    while changes:
        try:
            await api.push(session.call, session.tracker, issue, changes)
            break
        except CallFailed as failure:
            if failure.answer.outcome is not Outcome.REFUSED:
                raise
            reason = failure.answer.reason
            names = failure.answer.fields & set(changes) or set(changes)
            refused |= {name: changes.pop(name) for name in names}
    after = await api.read(session.call, session.tracker, issue.id)
    async with ctx.work_db.tx() as tx:
        job = await _load(tx, session, known)
        if job is None:
            return
        ours = our_values(job.item, session.vendor, job.users)
        theirs = their_values(after, ours)
        agreed = {name: value for name, value in changes.items() if theirs.get(name) == value}
        # accepted without an error, and dropped silently
        dropped = {name: value for name, value in changes.items() if name in theirs and name not in agreed}
        link = job.link
        snapshot = {**link.snapshot, **agreed}
        standoffs = {
            **link.standoffs,
            **{name: (value, theirs.get(name, "")) for name, value in (refused | dropped).items()},
        }
        problems = [f"{', '.join(FIELD_NAMES[name] for name in refused)}: {reason}"] if refused else []
        if dropped:
            labels = ", ".join(FIELD_NAMES[name] for name in dropped)
            problems.append(f"{session.tracker.name} did not take: {labels}.")
        # either side may have changed during the calls
        rest = merge(snapshot, ours, theirs, directions(session.vendor, session.tracker), standoffs)
        moved_on = bool(rest.take or rest.push)
        await link_store.change(
            tx,
            link.id,
            snapshot=snapshot,
            standoffs=standoffs,
            error=" ".join(problems)[:1000] or ("" if not link.standoffs else link.error),
            etag="" if moved_on or standoffs else after.etag,
            is_changed=moved_on,
            check_at=session.now + (timedelta(0) if moved_on else call_outcomes.RECHECK),
        )
        await tx.live("actions")
