"""Actions on declaration rules, and the check that declares incidents by them."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.incidents import linked_pages, store
from firebell.incidents.declaration_rules import matching
from firebell.incidents.declaration_rules import store as rule_store
from firebell.incidents.declaration_rules.matching import (
    DRY_RUN_DAYS,
    MAX_PAGES,
    MAX_WINDOW_MINUTES,
    DeclarationRule,
    DryDeclaration,
    RulePage,
)
from firebell.incidents.declaring import actions as declaring_actions
from firebell.incidents.text_limits import SUMMARY_MAX_CHARS
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import FirebellError, Invalid, NotFound, Unavailable
from firebell.kit.jobs import timers
from firebell.kit.text import clean_name, plural
from firebell.kit.truncation import cut
from firebell.paging import actions as paging
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb

log = logging.getLogger(__name__)

RULES_TIMER = "incidents.declaration_rules"
CHECK_INTERVAL = timedelta(seconds=15)
"""How often pages are checked while a rule is on; the pages themselves notify people at once."""
_KEY = "all"
_PAGES_CHECKED, _PAGES_IN_DRY_RUN = 500, 5000
_ALERTS_PER_PAGE = 20


async def rule(tx: Tx, rule_id: int) -> DeclarationRule:
    """Return a rule; raise `NotFound`."""
    stored = {one.id: one for one in await rule_store.rules(tx)}.get(rule_id)
    if stored is None:
        raise NotFound(f"There is no declaration rule {rule_id}.", hint="See /settings/declaration-rules.")
    return stored


def checked(rule: DeclarationRule) -> DeclarationRule:
    """Return a rule with its name cleaned; raise `Invalid` naming each wrong field."""
    matching.parsed(rule.matchers)
    wrong = {}
    if not 1 <= rule.pages <= MAX_PAGES:
        wrong["pages"] = f"Enter a number from 1 to {MAX_PAGES}."
    if not 1 <= rule.window_minutes <= MAX_WINDOW_MINUTES:
        wrong["window_minutes"] = f"Enter 1 to {MAX_WINDOW_MINUTES} minutes."
    if not 0 <= rule.severity <= 3:
        wrong["severity"] = "Use SEV0 to SEV3."
    if wrong:
        raise Invalid("The rule is not complete.", fields=wrong)
    return replace(rule, name=clean_name(rule.name, "name", limit=100), matchers=rule.matchers.strip())


async def _check_service(tx: Tx, rule: DeclarationRule) -> None:
    if rule.service_id is None:
        return
    if not await catalog.services_by_id(tx, [rule.service_id]):
        raise Invalid("There is no such service.", fields={"service": "Choose a service."})
    await catalog.hold_services(tx, [rule.service_id])


@permits(Verb.INCIDENT_SETTINGS_WRITE)
async def create_rule(tx: Tx, actor: Actor, rule: DeclarationRule, now: datetime) -> DeclarationRule:
    """Create a rule; it counts pages from now on."""
    new = replace(checked(rule), created_at=now)
    await _check_service(tx, new)
    created = await rule_store.insert(tx, new, actor.person_id)
    await timers.schedule(tx, RULES_TIMER, _KEY, now)
    await tx.audit(
        actor, "declaration_rule.created", f"declaration_rule:{created.id}", now, name=created.name
    )
    return created


@permits(Verb.INCIDENT_SETTINGS_WRITE)
async def update_rule(tx: Tx, actor: Actor, rule: DeclarationRule, now: datetime) -> DeclarationRule:
    """Replace a rule; raise `NotFound`."""
    new = checked(rule)
    await _check_service(tx, new)
    if not await rule_store.update(tx, new):
        raise NotFound(f"There is no declaration rule {rule.id}.")
    await timers.schedule(tx, RULES_TIMER, _KEY, now)
    await tx.audit(actor, "declaration_rule.changed", f"declaration_rule:{new.id}", now, name=new.name)
    return new


@permits(Verb.INCIDENT_SETTINGS_WRITE)
async def remove_rule(tx: Tx, actor: Actor, rule_id: int, now: datetime) -> None:
    """Remove a rule; the incidents that it declared stay. Raise `NotFound`."""
    removed = await rule(tx, rule_id)
    await rule_store.remove(tx, rule_id, now)
    await tx.audit(actor, "declaration_rule.removed", f"declaration_rule:{rule_id}", now, name=removed.name)


async def dry_run(tx: Tx, rule: DeclarationRule, now: datetime) -> list[DryDeclaration]:
    """Return what a rule would have declared in the last 30 days, from their newest 5,000 pages."""
    since = now - timedelta(days=DRY_RUN_DAYS)
    ids = await rule_store.page_ids(tx, since, rule.service_id, _PAGES_IN_DRY_RUN)
    return matching.dry_run(checked(rule), await _rule_pages(tx, ids))


async def _rule_pages(tx: Tx, ids: Sequence[int]) -> list[RulePage]:
    """Return pages with the labels of their alerts."""
    pages = await paging.pages_by_id(tx, ids)
    alerts_by_group = await alerts.alerts_of_groups(
        tx, [page.subject_id for page in pages.values()], _ALERTS_PER_PAGE
    )
    services = await catalog.services_by_id(tx, [p.service_id for p in pages.values() if p.service_id])
    return [
        RulePage(
            page.id,
            page.title,
            page.service_id,
            page.triggered_at,
            tuple(
                {
                    "title": alert.title,
                    "severity": alert.severity or "",
                    "service": services[page.service_id].slug,
                    **alert.labels,
                }
                for alert in alerts_by_group.get(page.subject_id, [])
            ),
        )
        for page in pages.values()
        if page.service_id in services
    ]


@internal("Called by the timer of declaration rules.")
async def declare_by_rules(tx: Tx, now: datetime) -> bool:
    """Declare the incidents that rules ask for; return True if any rule is on.

    A page counts once for a rule, and not at all if it belongs to an incident. While an incident that the rule
    declared for the service is open, more matching pages are linked to it. A failure doesn't stop other rules or
    other services of the rule.
    """
    rules = await rule_store.rules(tx, only_on=True)
    for one in rules:
        async with _apart(tx, one):
            for service_id, pages in sorted((await _pages_by_service(tx, one, now)).items()):
                async with _apart(tx, one):
                    await _declare(tx, one, service_id, pages, now)
    return bool(rules)


@asynccontextmanager
async def _apart(tx: Tx, rule: DeclarationRule) -> AsyncIterator[None]:
    """Run the block in a savepoint; if it fails, undo only the block and log the error."""
    try:
        async with tx.savepoint():
            yield
    except Unavailable:
        raise
    except FirebellError:
        log.exception("a declaration rule could not be applied", extra={"rule": rule.id})


async def _pages_by_service(tx: Tx, rule: DeclarationRule, now: datetime) -> dict[int, list[RulePage]]:
    """Return the pages that newly count for a rule, by service."""
    since = max(now - rule.window, rule.created_at)
    ids = await rule_store.page_ids(tx, since, rule.service_id, _PAGES_CHECKED)
    spent = await rule_store.spent(tx, rule.id, ids)
    fresh = await _rule_pages(tx, [i for i in ids if i not in spent])
    matchers = matching.parsed(rule.matchers)
    by_service: dict[int, list[RulePage]] = {}
    for page in fresh:
        if matching.counts_for(rule, matchers, page):
            by_service.setdefault(page.service_id, []).append(page)
    return by_service


async def _declare(
    tx: Tx, rule: DeclarationRule, service_id: int, pages: Sequence[RulePage], now: datetime
) -> None:
    actor = Actor("system", f"Rule “{rule.name}”")
    incident_id = await rule_store.open_incident(tx, rule.id, service_id)
    chosen = sorted(pages, key=lambda page: page.id)
    if incident_id is None:
        chosen = matching.enough(rule, pages, now)
        if not chosen:
            return
        summary = f"{plural(len(chosen), 'page')} within {rule.window_minutes} min matched {rule.matchers}."
        incident = await declaring_actions.declare(
            tx,
            actor,
            title=chosen[-1].title[:200],
            severity=rule.severity,
            page_id=chosen[0].id,
            summary=cut(summary, SUMMARY_MAX_CHARS) if rule.matchers else "",
            now=now,
        )
        await rule_store.mark(tx, incident.id, rule.id)
        incident_id = incident.id
    await rule_store.spend(tx, rule.id, incident_id, [page.id for page in chosen])
    linked = set(await store.page_ids(tx, incident_id))
    for page in chosen:
        if page.id not in linked:
            await linked_pages.link_page(tx, actor, incident_id, page.id, now)
