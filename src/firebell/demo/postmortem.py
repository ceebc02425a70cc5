"""The post-mortem that the demo organization is writing: a tree of whys, evidence and comments."""

from dataclasses import replace
from datetime import datetime

from firebell.action_items.model import ItemKind, Priority, Strength
from firebell.demo.history import Past
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.postmortems import actions as postmortems
from firebell.postmortems.actions import NewAction
from firebell.postmortems.document.sections import by_slug, split
from firebell.postmortems.editing.timeline_choices import NewChoice

_SUMMARY = (
    "A monthly report blocked replay on ledger-db-1 {cause}, so balances in the app were up to an hour old. No payments"
    " were wrong. Canceling the query and promoting the second replica ended it {fix}."
)
_IMPACT = (
    "Balances were up to 61 minutes old for 38,200 customers {page}. Support answered 214 questions about missing"
    " transfers.\n\n{{{{measures}}}}"
)
_WHYS = """\
Trigger: the monthly revenue report started on ledger-db-1 {cause}.

Detection: the lag alert paged {page}.

- effect: Balances in the app were up to an hour old {page}
  - why: A long report query blocked replay on ledger-db-1 {cause}
    - why: Reports run on the replica that serves customers {cause}
      - root: Nothing keeps reports off the replicas that serve customers (factor: latent.guard)
      - root: The second replica was sized when reports ran once a month (factor: latent.capacity_plan)
    - open: Why did the query planner choose a sequential scan this time?
  - why: The lag alert was mistaken for the one that fires every month end {page}
    - root: The alert fires at every month end, real or not (factor: latent.alerting)

{{{{factors}}}}"""
_ACTIONS = (
    (
        "Tomás",
        NewAction(
            "Run reports on a replica that serves no customers",
            "Reports run on the replica that serves customers",
            "Nothing keeps reports off the replicas that serve customers",
            strength=Strength.ELIMINATE,
            priority=Priority.P1,
        ),
    ),
    (
        "Priya",
        NewAction(
            "Page on replication lag only above its peak at the end of a month",
            "The lag alert was mistaken for the one that fires every month end",
            "The alert fires at every month end, real or not",
            kind=ItemKind.DETECT,
        ),
    ),
)
_WENT_WRONG = """\
- The lag alert was acknowledged as a known issue, because it fires at the end of every month.
- Tomás should have checked the report schedule before the change.
- We were lucky that the second replica had caught up minutes before."""


async def write(past: Past) -> None:
    """Write the draft that is due next, by several people, and comment on it."""
    mara, tomas, priya = (past.kestrel.actor(name) for name in ("Mara", "Tomás", "Priya"))
    async with past.ctx.db.tx() as tx:
        incident_id = (await postmortems.unpublished(tx, past.kestrel.services.values()))[-1].incident_id
        timeline = await incidents.timeline(tx, incident_id)
        pages = await incidents.page_ids(tx, incident_id)
    refs = {
        "cause": next(f"[t:{entry.id}]" for entry in timeline if entry.kind == "finding"),
        "fix": next(f"[t:{entry.id}]" for entry in timeline if entry.kind == "mitigation"),
        "page": f"[p:{pages[0]}]",
    }
    for minutes, actor, slug, text in (
        (42, mara, "summary", _SUMMARY),
        (15, priya, "impact", _IMPACT),
        (70, tomas, "root-cause", _WHYS),
        (9, mara, "what-went-wrong", _WENT_WRONG),
    ):
        await past.wait(minutes)
        async with past.ctx.db.tx() as tx:
            await _save(past, tx, actor, incident_id, slug, text.format(**refs))
    await past.wait(12)
    async with past.ctx.db.tx() as tx:
        now = past.clock.now()
        await _choose_entries(tx, mara, incident_id, now)
        for name, new in _ACTIONS:
            owner = past.kestrel.actor(name)
            await postmortems.add_action(tx, owner, incident_id, replace(new, owner_id=owner.person_id), now)
        asked = await postmortems.add_comment(
            tx,
            priya,
            incident_id,
            "impact",
            "Support answered 214 questions about missing transfers.",
            "Where is this number from? The ticket list has 198.",
            now,
            is_blocking=True,
        )
        await postmortems.reply(
            tx, mara, incident_id, asked.id, "From the chat export. I will check it.", now
        )
        await postmortems.add_comment(
            tx,
            tomas,
            incident_id,
            "root-cause",
            "The second replica was sized when reports ran once a month",
            "I can take the action item for this root.",
            now,
        )


async def _choose_entries(tx: Tx, actor: Actor, incident_id: int, now: datetime) -> None:
    """Leave out who took which role, and show what Firebell leaves out by its rule."""
    entries = (await postmortems.choosable_entries(tx, incident_id, now)).entries
    new = NewChoice(
        show=[entry.fact.key for entry in entries if not entry.is_shown][:1],
        hide=[entry.fact.key for entry in entries if entry.fact.kind == "role"],
    )
    await postmortems.choose_entries(tx, actor, incident_id, new, now)


async def _save(past: Past, tx: Tx, actor: Actor, incident_id: int, slug: str, text: str) -> None:
    postmortem = await postmortems.of_incident(tx, incident_id)
    section = by_slug(split(postmortem.body), slug)
    assert section, slug
    await postmortems.save_section(
        tx, actor, incident_id, slug, text, postmortem.version, section.hash, past.clock.now()
    )
