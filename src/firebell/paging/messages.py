"""The messages about pages, composed from their current state."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from firebell.alerts import actions as alerts
from firebell.alerts.model import Alert, Group
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.channels.base import Action, Item, Message
from firebell.kit import private_reader
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.localtime import format_local
from firebell.notify.model import REMINDER, Delivery, Outgoing, Recipient
from firebell.paging import store
from firebell.paging.acknowledgment import links as ack_links
from firebell.paging.manual_pages import store as manual_store
from firebell.paging.model import MANUAL_KIND, ManualPage, Page
from firebell.people import actions as people
from firebell.runbooks import actions as runbooks
from firebell.runbooks.model import IndexEntry

LOADED_ALERTS = 100
"""Number of alerts per page that are loaded for a message, firing and most severe first."""
_TYPES = {"page": "triggered", "reminder": "reminded", "alarm": "exhausted"}


@dataclass(frozen=True, slots=True)
class _Subjects:
    """The alerts, groups, services and teams of the pages of one claim, and who started them, read once."""

    alerts: dict[int, list[Alert]]
    groups: dict[int, Group]
    services: dict[int, Service]
    teams: dict[int, str]
    manual_pages: dict[int, ManualPage]
    incidents: dict[int, list[int]]
    runbooks: list[IndexEntry]
    public_url: str


async def compose(tx: Tx, ctx: Context, outgoing: Sequence[Outgoing], now: datetime) -> list[Message]:
    """Return the message of each delivery; its title is that of the most severe firing alert."""
    pages = await store.pages_by_id(tx, [one.delivery.subject_id for one in outgoing])
    subjects = await _subjects(tx, list(pages.values()), ctx.public_url)
    return [
        _message(
            *(delivery, recipient, pages[delivery.subject_id], subjects),
            url=f"{ctx.public_url}/pages/{pages[delivery.subject_id].ref}",
            ack_url=ack_links.ack_url(ctx, delivery, now),
            now=now,
        )
        for delivery, recipient in outgoing
    ]


async def compose_copies(tx: Tx, ctx: Context, outgoing: Sequence[Outgoing], now: datetime) -> list[Message]:
    """Return the copy of each page that a shadow gets: of low urgency, and without a way to acknowledge it."""
    pages = await store.pages_by_id(tx, [one.delivery.subject_id for one in outgoing])
    # someone who shadows is not paged, and may not read a private incident
    with private_reader.as_reader(private_reader.NO_ONE):
        subjects = await _subjects(tx, list(pages.values()), ctx.public_url)
    subjects = replace(
        subjects,
        manual_pages={
            page_id: replace(manual_page, text=manual_page.public_text)
            for page_id, manual_page in subjects.manual_pages.items()
        },
    )
    copies = []
    for delivery, recipient in outgoing:
        page = pages[delivery.subject_id]
        url = f"{ctx.public_url}/pages/{page.ref}"
        message = _message(delivery, recipient, page, subjects, url=url, ack_url="", now=now)
        copies.append(
            replace(
                message,
                event="shadow",
                type="page.shadowed",
                headline=recipient.word(_COPIED, title=message.headline),
                brief=recipient.word(_COPIED, title=message.brief),
                urgency="low",
                actions=(),
                thread=_thread(page, "shadow"),
                mail_subject=f"[{page.ref}] {_COPIED.format(title=message.headline)}",
                data={**message.data, "level": page.level + 1},
            )
        )
    return copies


async def compose_ack_endings(
    tx: Tx, ctx: Context, outgoing: Sequence[Outgoing], now: datetime
) -> list[Message]:
    """Return the warning that an acknowledgment runs out; its link renews it."""
    pages = await store.pages_by_id(tx, [one.delivery.subject_id for one in outgoing])
    subjects = await _subjects(tx, list(pages.values()), ctx.public_url)
    warnings = []
    for delivery, recipient in outgoing:
        page = pages[delivery.subject_id]
        url, ack_url = f"{ctx.public_url}/pages/{page.ref}", ack_links.ack_url(ctx, delivery, now)
        message = _message(delivery, recipient, page, subjects, url=url, ack_url=ack_url, now=now)
        again = "Still on it? You’ll be paged again at {time}: {title}" if page.due_at else "{title}"
        due, subject_due = (
            (recipient.moment(page.due_at), format_local(page.due_at, recipient.tz))
            if page.due_at
            else ("", "")
        )
        warnings.append(
            replace(
                message,
                event="ack_ending",
                type="page.ack_ending",
                headline=recipient.word(again, time=due, title=message.headline),
                brief=recipient.word(again, time=due, title=message.brief),
                actions=(Action(recipient.word("Still on it"), ack_url),),
                thread=_thread(page, "ack"),
                mail_subject=f"[{page.ref}] {again.format(time=subject_due, title=message.headline)}",
            )
        )
    return warnings


async def _subjects(tx: Tx, pages: Sequence[Page], public_url: str) -> _Subjects:
    group_ids = [p.subject_id for p in pages if p.subject_kind == "group"]
    loaded = await alerts.alerts_of_groups(tx, group_ids, LOADED_ALERTS) if group_ids else {}
    manual_ids = [p.id for p in pages if p.subject_kind == MANUAL_KIND]
    # of smaller groups all alerts are loaded, so their number is known
    large = [group_id for group_id, alerts_ in loaded.items() if len(alerts_) == LOADED_ALERTS]
    services = await catalog.services_by_id(tx, [p.service_id for p in pages if p.service_id])
    urls = [alert.links.get("runbook", "") for alerts_ in loaded.values() for alert in alerts_]
    urls += [service.runbook_url for service in services.values()]
    return _Subjects(
        alerts=loaded,
        groups=await alerts.groups_by_id(tx, large) if large else {},
        services=services,
        teams={t.id: t.name for t in await people.teams(tx)} if pages else {},
        manual_pages=await manual_store.of_pages(tx, manual_ids),
        incidents=await alerts.incidents_of_pages(tx, manual_ids) if manual_ids else {},
        runbooks=await runbooks.index(tx, urls, public_url),
        public_url=public_url,
    )


def _message(
    delivery: Delivery,
    recipient: Recipient,
    page: Page,
    subjects: _Subjects,
    *,
    url: str,
    ack_url: str,
    now: datetime,
) -> Message:
    service = subjects.services.get(page.service_id or 0)
    service_name, team = service.name if service else "", subjects.teams.get(page.team_id or 0, "")
    of_group = page.subject_kind == "group"
    group = subjects.groups.get(page.subject_id) if of_group else None
    listed = tuple(subjects.alerts.get(page.subject_id, ())) if of_group else ()
    links = enumerate(runbooks.links(listed, service, subjects.runbooks, subjects.public_url))
    manual_page = subjects.manual_pages.get(page.id)
    incident_refs = [f"INC-{i}" for i in subjects.incidents.get(page.id, ())]
    word, prefix = recipient.word, _PREFIXED.get(delivery.reason, "{title}")
    what = headline(page, service_name)
    subject = _PREFIXED["alarm"].format(title=what) if delivery.reason == "alarm" else what
    facts = [
        (word("From"), manual_page.actor if manual_page else ""),
        (word("For"), manual_page.target_name if manual_page else ""),
        (word("Incident"), ", ".join(incident_refs)),
        (word("Service"), service_name),
        (word("Team"), team),
        (word("Since"), f"{recipient.moment(page.triggered_at)} ({recipient.tz})"),
        (word("Urgency"), word(page.urgency)),
        (word("Acknowledgments"), _acks(page, recipient)),
        *(
            (word("Runbook {number}", number=at + 1) if at else word("Runbook"), link.url)
            for at, link in links
        ),
    ]
    return Message(
        event=delivery.reason,
        type=f"page.{_TYPES.get(delivery.reason, delivery.reason)}",
        title=page.title,
        headline=word(prefix, title=what),
        brief=word(prefix, title=brief(page, recipient, service_name or team)),
        urgency=page.urgency,
        composed_at=now,
        ref=page.ref,
        url=url,
        lead=_lead(manual_page, listed),
        facts=tuple((name, value) for name, value in facts if value),
        items=tuple(_item(alert, recipient) for alert in listed),
        item_count=group.alerts if group else len(listed),
        actions=(Action(word("Acknowledge"), ack_url),),
        thread=thread_of(page, delivery),
        # the first message of a page's thread can be a reminder, and its readers can have several languages
        mail_subject=f"[{page.ref}] {subject}",
        headers=(("X-Firebell-Page", page.ref), ("X-Firebell-State", page.state)),
        data={
            "page": page.ref,
            "state": page.state,
            "severity": page.severity,
            "acks": len(page.acks),
            "acks_needed": page.acks_required,
            "service": service_name,
            "team": team,
            "triggered_at": page.triggered_at.isoformat(),
            "level": delivery.level + 1,
            "page_url": url,
            "ack_url": ack_url,
            "incidents": incident_refs,
            "started_by": manual_page.actor if manual_page else "",
            "message": manual_page.text if manual_page else "",
        },
    )


def thread_of(page: Page, delivery: Delivery) -> str:
    """Return the thread of a message: all about a page share one, but the final alarm has its own."""
    return _thread(page, "alarm" if delivery.reason == "alarm" else "")


def _thread(page: Page, kind: str = "") -> str:
    """Return a thread of a page; the start in it sets it apart from a lost page with the same number.

    In the thread of a page that a restored backup lost, no one would read a message about a new page.
    """
    began_at = str(int(page.triggered_at.timestamp()))
    return "-".join(filter(None, (page.ref, began_at, kind)))


def _acks(page: Page, recipient: Recipient) -> str:
    """Return how many people have to acknowledge and have done so; empty if one is enough."""
    if page.acks_required <= 1:
        return ""
    return recipient.word("{acks} of {needed} people so far", acks=len(page.acks), needed=page.acks_required)


def _lead(manual_page: ManualPage | None, listed: Sequence[Alert]) -> str:
    """Return why a person was paged by hand, else the text of the first alert if it fires."""
    if manual_page:
        return manual_page.text
    return listed[0].body if listed and listed[0].status == "firing" else ""


_COPIED = "Copy for you as a shadow: {title}"
_PREFIXED = {"alarm": "UNANSWERED: {title}", REMINDER: "Reminder: {title}"}
"""How a title is written by the reason of the message."""


def brief(page: Page, recipient: Recipient, where: str) -> str:
    """Return what is shown in place of the title: the number, the severity, and the service or team of a page."""
    severity = "" if page.severity is None else f"SEV{page.severity}"
    return ", ".join(
        part for part in (recipient.word("Firebell: page {number}", number=page.id), severity, where) if part
    )


def headline(page: Page, service: str) -> str:
    """Return severity, service and title, in this order; a title that begins with the service does not repeat it."""
    severity = "" if page.severity is None else f"SEV{page.severity} "
    is_named = not service or page.title.casefold().startswith(service.casefold())
    return f"{severity}{'' if is_named else f'{service}: '}{page.title}"


def _item(alert: Alert, recipient: Recipient) -> Item:
    """Return an alert in a list, marked when it is resolved."""
    return Item(
        title=(
            alert.title
            if alert.status == "firing"
            else recipient.word("Resolved: {title}", title=alert.title)
        ),
        body=alert.body,
        links=alert.links,
        data={
            "id": alert.id,
            "dedup_key": alert.shown_key,
            "status": alert.status,
            "title": alert.title,
            "body": alert.body,
            "severity": alert.severity,
            "labels": alert.labels,
            "links": alert.links,
            "starts_at": alert.starts_at.isoformat(),
        },
    )
