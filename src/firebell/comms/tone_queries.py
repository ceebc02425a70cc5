"""What the tone check knows about an incident: colleagues, vendors, internal names, and what customers know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from firebell.catalog import actions as catalog
from firebell.comms import store
from firebell.comms.model import PostContent
from firebell.comms.tone.check import check
from firebell.comms.tone.model import ReaderKind, ToneContext, ToneFinding
from firebell.incidents.model import Incident
from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.people import actions as people
from firebell.status_pages import actions as status_pages
from firebell.status_pages import stages
from firebell.status_pages.model import Stage

VENDORS_SETTING = "comms_vendors"
"""The key of the setting with the names of vendors, which a public text does not blame."""


async def vendors(tx: Tx) -> list[str]:
    """Return the names of the vendors of the organization."""
    return list(await org_settings.get(tx, VENDORS_SETTING, []))


async def organization_context(tx: Tx, now: datetime) -> ToneContext:
    """Return what the check knows without an incident."""
    colleagues = await people.people(tx)
    components = [
        component.name
        for listed in (await status_pages.components_by_page(tx)).values()
        for component in listed
    ]
    return ToneContext(
        names=frozenset(person.name for person in colleagues),
        handles=frozenset(person.email.partition("@")[0] for person in colleagues),
        vendors=frozenset(await vendors(tx)),
        internal_terms=frozenset(service.slug for service in await catalog.services(tx)),
        allowed=frozenset(components),
        now=now,
    )


async def incident_context(tx: Tx, incident: Incident, now: datetime) -> ToneContext:
    """Return what the check knows about an incident; the reader, stage and promise come from the post."""
    return replace(await organization_context(tx, now), severity=incident.severity)


async def text_context(
    tx: Tx,
    now: datetime,
    *,
    reader: ReaderKind,
    stage: str,
    severity: int,
    locale: str,
    subject: str | None,
    next_update_at: datetime | None,
    data_checked: bool,
) -> ToneContext:
    """Return what the check knows about a text that belongs to no post."""
    return replace(
        await organization_context(tx, now),
        reader=reader,
        stage=stage,
        severity=severity,
        locale=locale,
        subject=subject,
        next_update_at=next_update_at,
        interval=stages.next_update_interval(severity, Stage(stage)),
        data_checked=data_checked,
    )


@dataclass(frozen=True, slots=True)
class PostFindings:
    """What the tone check finds in the texts of a post, by kind of reader, and in translations, by language."""

    by_reader: Mapping[ReaderKind, Sequence[ToneFinding]]
    by_locale: Mapping[str, Sequence[ToneFinding]]

    @property
    def lists(self) -> list[Sequence[ToneFinding]]:
        """What is found in each text."""
        return [*self.by_reader.values(), *self.by_locale.values()]


def with_content(
    context: ToneContext, content: PostContent, reader: ReaderKind, last_text: str
) -> ToneContext:
    """Return the context for the text of a post for one kind of reader."""
    stage = Stage(content.stage) if content.stage in list(Stage) else Stage.INVESTIGATING
    return replace(
        context,
        reader=reader,
        stage=str(stage),
        last_text=last_text,
        next_update_at=content.next_update_at,
        interval=stages.next_update_interval(context.severity, stage),
        subject=content.mail_subject or None if reader is ReaderKind.CUSTOMER else None,
    )


async def findings(
    tx: Tx,
    incident: Incident,
    content: PostContent,
    readers: frozenset[ReaderKind],
    page_locale: str,
    now: datetime,
) -> PostFindings:
    """Return what the tone check finds in the texts for these readers; translations are public.

    `page_locale` is the language of the public text.
    """
    context = await incident_context(tx, incident, now)
    last = await store.last_texts(tx, incident.id)
    by_reader = {}
    for reader in ReaderKind:
        if reader in readers:
            about = with_content(context, content, reader, last.get(reader, ""))
            locale = page_locale if reader is ReaderKind.PUBLIC else about.locale
            by_reader[reader] = check(content.body(reader), replace(about, locale=locale))
    public = with_content(context, content, ReaderKind.PUBLIC, "")
    return PostFindings(
        by_reader,
        {
            locale: check(text, replace(public, locale=locale))
            for locale, text in content.translations.items()
            if ReaderKind.PUBLIC in readers and text.strip()
        },
    )
