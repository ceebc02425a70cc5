"""What is done for intents about pages, by the actions that the web calls."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.chat.handlers import page_queries
from firebell.chat.handlers.incident_queries import visible_incident
from firebell.chat.handlers.page_queries import NamedTarget
from firebell.chat.intents import commands, help_texts
from firebell.chat.intents.commands import plain
from firebell.chat.intents.model import (
    AckPage,
    ChatTarget,
    EscalatePage,
    Intent,
    ListPages,
    NotePage,
    PageSomeone,
    ResolvePage,
    ShowOnCall,
    SnoozePage,
    Usage,
)
from firebell.chat.intents.reply_model import Reply, ReplyButton
from firebell.chat.intents.status_texts import one_line
from firebell.chat.linked_users import linking
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.kit.db.database import Tx
from firebell.kit.durations import duration
from firebell.kit.errors import Conflict, NotFound
from firebell.paging import actions as paging
from firebell.paging.model import UNANSWERED, ManualTarget, ManualTargetKind, Page, PageState
from firebell.people import actions as people

_STATES = {
    PageState.TRIGGERED: "unacknowledged",
    PageState.EXHAUSTED: "unanswered, escalation exhausted",
    PageState.ACKED: "acknowledged",
    PageState.SNOOZED: "snoozed",
    PageState.RESOLVED: "resolved",
}


def _open_button(context: ChatContext, page: Page) -> ReplyButton:
    return ReplyButton(f"Open {page.ref}", url=context.url(f"/pages/{page.ref}"))


async def _page(
    tx: Tx,
    context: ChatContext,
    page_id: int | None,
    label: str,
    intent_for: Callable[[int], Intent],
    now: datetime,
    *,
    unanswered: bool = False,
) -> Page | Reply:
    """Return the page that is meant: by number, else the only open one of this person; else a list to choose from."""
    if page_id is not None:
        page = await paging.page(tx, page_id)
        context.check_known(page.triggered_at)
        return page
    assert context.person is not None
    pages = await page_queries.open_pages(tx, context.person.id, None, now)
    likely = [page for page in pages if page.state in UNANSWERED] if unanswered else pages
    if unanswered:
        # another acknowledgment by the same person changes nothing
        likely = [page for page in likely if context.person.id not in page.acks] or likely
    if len(likely) == 1:
        return likely[0]
    if not likely:
        text = "No open page waits for you." if unanswered else "You have no open page."
        return Reply(text, (ReplyButton("All pages", url=context.url("/pages")),), done=False)
    lines = [f"{page.ref} {one_line(page.title, 120)}" for page in likely]
    buttons = [ReplyButton(f"{label} {page.ref}", intent_for(page.id)) for page in likely[:5]]
    return Reply("\n".join(["You have several open pages. Choose one.", *lines]), tuple(buttons), done=False)


async def acknowledge(tx: Tx, context: ChatContext, intent: AckPage, now: datetime) -> Reply:
    """Acknowledge a page; who comes second becomes an owner too and reads who was first."""
    page = await _page(tx, context, intent.page, "Acknowledge", AckPage, now, unanswered=True)
    if isinstance(page, Reply):
        return page
    result = await paging.ack(tx, context.actor, page.id, now)
    buttons = (_open_button(context, page),)
    if result.missing:
        return Reply(f"You acknowledged {page.ref}. {result.waits_for}", buttons)
    if result.already:
        return Reply(f"{page.ref} was {result.already}.", buttons)
    log = await paging.log(tx, page.id)
    others = [e for e in log if e.kind in ("acked", "joined") and e.actor != context.actor.label]
    if others and log[-1].kind == "joined":
        before = duration(max(now - others[-1].at, timedelta(seconds=1)))
        text = f"{others[-1].actor} acknowledged {page.ref} {before} before you. You own it too."
        return Reply(text, buttons)
    return Reply(f"You acknowledged {page.ref}. Escalation stopped.", buttons)


async def resolve(tx: Tx, context: ChatContext, intent: ResolvePage, now: datetime) -> Reply:
    """Resolve a page; the text is added to its log."""
    page = await _page(tx, context, intent.page, "Resolve", lambda i: ResolvePage(i, intent.text), now)
    if isinstance(page, Reply):
        return page
    if text := plain(intent.text):
        await paging.add_note(tx, context.actor, page.id, text, now)
    await paging.resolve(tx, context.actor, page.id, now)
    return Reply(f"{page.ref} resolved.", (_open_button(context, page),))


async def escalate(tx: Tx, context: ChatContext, intent: EscalatePage, now: datetime) -> Reply:
    """Notify the next level of a page."""
    page = await _page(tx, context, intent.page, "Escalate", EscalatePage, now)
    if isinstance(page, Reply):
        return page
    await paging.escalate(tx, context.actor, page.id, now)
    return Reply(f"{page.ref} escalated to the next level.", (_open_button(context, page),))


async def snooze(tx: Tx, context: ChatContext, intent: SnoozePage, now: datetime) -> Reply:
    """Snooze a page."""
    page = await _page(tx, context, intent.page, "Snooze", lambda i: SnoozePage(i, intent.minutes), now)
    if isinstance(page, Reply):
        return page
    until = now + timedelta(minutes=intent.minutes)
    await paging.snooze(tx, context.actor, page.id, until, now)
    return Reply(f"{page.ref} snoozed until {context.at(until)}.", (_open_button(context, page),))


async def add_note(tx: Tx, context: ChatContext, intent: NotePage, now: datetime) -> Reply:
    """Add a note to the log of a page."""
    page = await _page(tx, context, intent.page, "Add to", lambda i: NotePage(i, intent.text), now)
    if isinstance(page, Reply):
        return page
    await paging.add_note(tx, context.actor, page.id, plain(intent.text), now)
    return Reply(f"Note added to {page.ref}.", (_open_button(context, page),))


async def list_pages(tx: Tx, context: ChatContext, intent: ListPages, now: datetime) -> Reply:
    """List up to 20 open pages."""
    person_id = context.person.id if context.person else None
    team_ids = await people.team_ids_of(tx, person_id or 0) if intent.whose == "team" else None
    pages = await page_queries.open_pages(tx, person_id if intent.whose == "mine" else None, team_ids, now)
    link = ReplyButton("All pages", url=context.url("/pages"))
    if not pages:
        return Reply("No page is open.", (link,))
    owners = await page_queries.owner_names(tx, [page.id for page in pages])
    lines = [
        f"{page.ref} {one_line(page.title, 120)}, {_STATES[page.state]}"
        + (f" by {', '.join(owners[page.id])}" if page.state is PageState.ACKED and owners[page.id] else "")
        for page in pages
    ]
    waiting = [page for page in pages if page.state in UNANSWERED][:4]
    buttons = [ReplyButton(f"Acknowledge {page.ref}", AckPage(page.id)) for page in waiting]
    return Reply("\n".join(lines), (*buttons, link))


async def show_on_call(tx: Tx, context: ChatContext, intent: ShowOnCall, now: datetime) -> Reply:
    """Show who is on call."""
    lines = await page_queries.on_call(tx, intent.slug, now)
    link = ReplyButton("Open on-call", url=context.url("/oncall"))
    if lines is None:
        return Reply(f"“{plain(intent.slug)[:80]}” is neither a team nor a schedule.", (link,), done=False)
    if not lines:
        return Reply("There is no schedule.", (link,))
    texts = []
    for line in lines:
        names = ", ".join(line.names) or "no one"
        until = f", until {context.at(line.until)}" if line.until else ""
        texts.append(f"{line.schedule}: {names}{until}")
    return Reply("\n".join(texts), (link,))


async def page_someone(tx: Tx, context: ChatContext, intent: PageSomeone, now: datetime) -> Reply:
    """Page a person, team, schedule, service or policy; nothing is paged unless the target is exactly one."""
    if intent.incident is not None:
        await visible_incident(tx, context, intent.incident)
    target = await _target(tx, context, intent)
    if isinstance(target, Reply):
        return target
    text = plain(intent.text) or f"{context.actor.label} needs your help."
    try:
        async with tx.savepoint():
            page = await paging.request_manual_page(
                tx,
                context.actor,
                ManualTarget(ManualTargetKind(target.kind), target.id),
                text,
                now,
                incident_id=intent.incident,
                confirmed=intent.confirmed,
            )
    except Conflict as error:
        if "again" not in error.fields:
            raise
        again = ReplyButton(f"Page {target.name} anyway", replace(intent, confirmed=True), danger=True)
        return Reply(f"{error.message} No one has been paged yet.", (again,), done=False)
    mistake = ResolvePage(page.id, "Paged by mistake.")
    buttons = (_open_button(context, page), ReplyButton("Undo", mistake, danger=True))
    return Reply(f"{page.ref} pages {target.name}.", buttons)


async def _target(tx: Tx, context: ChatContext, intent: PageSomeone) -> NamedTarget | Reply:
    target = intent.target
    if target.kind == "user":
        person = await linking.linked_person(tx, context, target)
        return NamedTarget("person", person.id, person.name, "person")
    if target.kind == "group":
        raise NotFound(
            f"{target.label or 'This group'} is not a team of Firebell, so no one was paged.",
            hint="Page a team or schedule by its short name.",
        )
    targets = await page_queries.resolve(tx, target.value)
    if len({(each.kind, each.id) for each in targets}) == 1:
        return targets[0]
    command = commands.PAGE if intent.incident is None else commands.INCIDENT
    if targets:
        names = " and ".join(each.name for each in targets)
        slug = target.value.rpartition(":")[2]
        buttons = [
            ReplyButton(
                f"Page {each.name}",
                PageSomeone(ChatTarget("name", f"{each.named}:{slug}"), intent.text, intent.incident),
            )
            for each in targets
            if intent.text or intent.incident is not None
        ]
        text = f"No one has been paged yet: “{target.value}” is the name of {names}. Choose one."
        return Reply(text, tuple(buttons), done=False)
    return await _unknown(tx, context, intent, command)


async def _unknown(tx: Tx, context: ChatContext, intent: PageSomeone, command: str) -> Reply:
    """Return verbs and slugs that may be meant by an unknown name."""
    word = intent.target.value
    verbs = commands.near(word, commands.PAGE_VERBS) if intent.incident is None else ()
    names = commands.near(word, await page_queries.slugs(tx))
    suggestions = tuple(
        PageSomeone(ChatTarget("name", slug), intent.text, intent.incident) for slug in names if intent.text
    )
    reply = help_texts.answer(
        Usage("unknown", word, verbs, intent.text), command, intent.incident, suggestions
    )
    return Reply(f"No one was paged. {reply.text}", reply.buttons, done=False)
