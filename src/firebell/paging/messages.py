"""The messages of claimed deliveries, composed from the current state of their pages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from firebell.alerts import actions as alerts
from firebell.alerts.model import Alert, Group
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.paging import ack_links, notices, store
from firebell.paging.channels import Message
from firebell.paging.model import Delivery, Page
from firebell.people import actions as people
from firebell.people.model import Channel, Person

LOADED_ALERTS = 100
"""Number of alerts per page that are loaded for a message, firing and most severe first."""


@dataclass(frozen=True, slots=True)
class _Subjects:
    """The alerts, groups, services and teams of the pages of one claim, read once."""

    alerts: dict[int, list[Alert]]
    groups: dict[int, Group]
    services: dict[int, Service]
    teams: dict[int, str]


async def compose(tx: Tx, ctx: Context, claimed: Sequence[Delivery], now: datetime) -> list[Message]:
    """Return the message of each delivery as of now; its title is that of the most severe firing alert."""
    pages = await store.pages_by_id(tx, [d.page_id for d in claimed if d.page_id is not None])
    persons = await people.people_by_id(tx, [d.person_id for d in claimed])
    subjects = await _subjects(tx, list(pages.values()))
    webhooks = [d.method_id for d in claimed if d.channel == Channel.WEBHOOK]
    secrets = await people.signing_secrets(tx, webhooks, now) if webhooks else {}
    messages = []
    for delivery in claimed:
        page = pages.get(delivery.page_id or 0)
        base = _message(delivery, persons[delivery.person_id], secrets.get(delivery.method_id, ()), now)
        if page is None:
            notice = await notices.notice_content(tx, ctx.signer, delivery.reason, now)
            messages.append(_about_notice(base, notice, ctx.public_url))
        else:
            messages.append(_about_page(base, page, subjects, ctx, ack_links.ack_url(ctx, delivery, now)))
    return await _with_mail_subjects(tx, claimed, messages)


async def _subjects(tx: Tx, pages: Sequence[Page]) -> _Subjects:
    group_ids = [p.subject_id for p in pages if p.subject_kind == "group"]
    loaded = await alerts.alerts_of_groups(tx, group_ids, LOADED_ALERTS) if group_ids else {}
    # of smaller groups all alerts are loaded, so their number is known
    large = [group_id for group_id, alerts_ in loaded.items() if len(alerts_) == LOADED_ALERTS]
    return _Subjects(
        alerts=loaded,
        groups=await alerts.groups_by_id(tx, large) if large else {},
        services=await catalog.services_by_id(tx, [p.service_id for p in pages if p.service_id]),
        teams={t.id: t.name for t in await people.teams(tx)} if pages else {},
    )


def _message(delivery: Delivery, person: Person, secrets: tuple[bytes, ...], now: datetime) -> Message:
    return Message(
        delivery_id=delivery.id,
        reason=delivery.reason.partition("-")[0],
        person=person.name,
        tz=person.tz,
        page_ref="",
        title="",
        state="",
        urgency="low",
        severity=None,
        service="",
        team="",
        triggered_at=now,
        level=delivery.level,
        alerts=(),
        runbook="",
        page_url="",
        ack_url="",
        composed_at=now,
        signing_secrets=secrets,
    )


def _about_notice(base: Message, notice: notices.NoticeContent, public_url: str) -> Message:
    return replace(
        base,
        title=notice.title,
        urgency=notice.urgency,
        note_lines=tuple(notice.note.split("\n")),
        note_url=f"{public_url}{notice.link}" if notice.link else "",
        code=notice.code,
    )


def _about_page(base: Message, page: Page, subjects: _Subjects, ctx: Context, ack_url: str) -> Message:
    service = subjects.services.get(page.service_id or 0)
    of_group = page.subject_kind == "group"
    group = subjects.groups.get(page.subject_id) if of_group else None
    group_alerts = tuple(subjects.alerts.get(page.subject_id, ())) if of_group else ()
    alert_count = group.alerts if group else len(group_alerts)
    return replace(
        base,
        page_ref=page.ref,
        title=page.title,
        state=page.state,
        urgency=page.urgency,
        severity=page.severity,
        service=service.name if service else "",
        team=subjects.teams.get(page.team_id or 0, ""),
        triggered_at=page.triggered_at,
        alerts=group_alerts,
        alert_count=alert_count,
        runbook=_runbook(group_alerts, service.runbook_url if service else ""),
        page_url=f"{ctx.public_url}/pages/{page.ref}",
        ack_url=ack_url,
    )


async def _with_mail_subjects(
    tx: Tx, claimed: Sequence[Delivery], messages: Sequence[Message]
) -> list[Message]:
    """Return the messages with the subject of their page's first email, by which mail clients thread (spec 10.4)."""
    mailed = {
        m.thread: m for d, m in zip(claimed, messages, strict=True) if d.channel == Channel.EMAIL and m.thread
    }
    if not mailed:
        return list(messages)
    mail_subjects = await store.mail_subjects(tx, {thread: _mail_subject(m) for thread, m in mailed.items()})
    return [replace(m, mail_subject=mail_subjects.get(m.thread, "")) for m in messages]


def _mail_subject(message: Message) -> str:
    # the first message of a page's thread can be a reminder
    return message.subject if message.reason == "alarm" else replace(message, reason="page").subject


def _runbook(alerts_: Sequence[Alert], default: str) -> str:
    return next((a.links["runbook"] for a in alerts_ if a.links.get("runbook")), default)
