"""Read models of alert audits."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from firebell.alert_audit import checks, source_store, store
from firebell.alert_audit.model import Audit, AuditRule, EarlierDecision
from firebell.alert_audit.proposals import Proposal, in_file, proposal
from firebell.alert_audit.routing_patch import RoutingPatch, patch
from firebell.alert_audit.rule_edits import EDITED
from firebell.alert_audit.rule_files import FileChange
from firebell.alerts import actions as alerts
from firebell.alerts.routing_rules.rules import Routing, RoutingRule, compile_rules
from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.errors import Conflict, NotFound, Unavailable
from firebell.kit.findings import Finding
from firebell.kit.process_pool import DOCUMENTS, TakesTooLong
from firebell.routing import queries as routing_queries
from firebell.runbooks import actions as runbooks
from firebell.runbooks.model import IndexEntry, RuleFileText

AUDITS_LISTED = 100
FILES_LIMIT_S = 20.0
"""How long the rule files of one request may take."""
_TAKES_TOO_LONG = FileChange(problem="Its rule file takes too long to read, so edit it by hand.")
audits = store.audits


@dataclass(frozen=True, slots=True)
class AuditContents:
    """An audit with its rules, and the incidents that no alert detected as (id, title, day)."""

    audit: Audit
    rules: list[AuditRule]
    unalerted: list[tuple[int, str, date]]
    finding: Finding | None
    earlier: Mapping[str, EarlierDecision]
    """What the team decided last about each rule in an earlier quarter; rules that are new to it are missing."""

    routing_rules: Sequence[RoutingRule]
    """The routing rules in force."""
    routing: Routing
    """These rules, ready to match."""
    services: Mapping[int, str]
    """The names of services, by id."""
    is_only_team: bool
    """True if no other team owns a service."""

    @property
    def undecided(self) -> list[AuditRule]:
        """The rules that still need a decision."""
        return checks.open_rules(self.rules)

    def proposal(self, rule: AuditRule) -> Proposal:
        """Return the change that is proposed for a rule."""
        target = next(
            (
                one.judged.counted.labels
                for one in self.rules
                if one.judged.counted.rule == rule.judged.merge_into
            ),
            None,
        )
        return proposal(rule.judged, self.audit.quarter, target_labels=target)

    def patch(self, rule: AuditRule) -> RoutingPatch | None:
        """Return the change of routing rules that is proposed for a rule, None if there is none."""
        return patch(
            rule.judged,
            self.audit.quarter,
            self.routing_rules,
            self.routing,
            self.services,
            is_only_team=self.is_only_team,
        )


def _alert_name(rule: AuditRule) -> str:
    return rule.judged.counted.labels.get("alertname", "")


async def rule_files(tx: Tx, rules: Sequence[AuditRule]) -> list[RuleFileText]:
    """Return the rule files of runbook sources that define one of these rules."""
    names = {_alert_name(rule) for rule in rules if rule.judged.verdict in EDITED} - {""}
    return await runbooks.rule_files(tx, names) if names else []


async def proposals(
    shown: AuditContents, rules: Sequence[AuditRule], files: Sequence[RuleFileText], public_url: str
) -> dict[int, Proposal]:
    """Return the change that is proposed for each rule by its id, in its rule file if one of `files` has it.

    Call it outside a transaction for a whole audit: another process reads the files, for up to `FILES_LIMIT_S` seconds.
    """
    by_rule = {rule.id: shown.proposal(rule) for rule in rules}
    owned = [
        (rule, [file for file in files if _alert_name(rule) in file.alert_names])
        for rule in rules
        if rule.judged.verdict in EDITED and not by_rule[rule.id].withheld
    ]
    end = time.monotonic() + FILES_LIMIT_S
    # rules of one file follow each other: the other process still has it
    for rule, own in sorted(owned, key=lambda pair: [(file.source, file.path) for file in pair[1]]):
        if own:
            change = await _change(rule, own, public_url) if time.monotonic() < end else _TAKES_TOO_LONG
            by_rule[rule.id] = in_file(by_rule[rule.id], change)
    return by_rule


def rule_of(shown: AuditContents, rule_id: int) -> AuditRule:
    """Return a rule of an audit; raise `NotFound`."""
    rule = next((each for each in shown.rules if each.id == rule_id), None)
    if rule is None:
        raise NotFound(f"The audit has no rule {rule_id}.")
    return rule


def patch_of(proposal: Proposal) -> str:
    """Return the unified diff of a rule file that is proposed; raise `NotFound` with the reason if there is none."""
    change = proposal.change
    if change is None or not change.patch:
        reason = change.problem if change else "No runbook source has the rule file of this rule."
        raise NotFound("There is no diff of a rule file.", hint=proposal.withheld or reason)
    return change.patch


async def _change(rule: AuditRule, files: Sequence[RuleFileText], public_url: str) -> FileChange:
    labels = dict(rule.judged.counted.labels)
    given = [{"path": file.path, "body": file.body, "origin": file.source} for file in files]
    try:
        answer = await DOCUMENTS.call(
            "firebell.alert_audit.rule_files:propose_in_child",
            *(given, labels["alertname"], labels, rule.judged.verdict.value, public_url),
        )
    except (TakesTooLong, Unavailable):
        return _TAKES_TOO_LONG
    return msgspec.json.decode(answer, type=FileChange)


async def rule_runbooks(tx: Tx, shown: AuditContents, public_url: str) -> dict[int, IndexEntry]:
    """Return the runbook in the library that belongs to each rule or to its service now, by the id of the rule."""
    services = {service.id: service for service in await catalog.services(tx)}
    entries = await runbooks.index(tx, [service.runbook_url for service in services.values()], public_url)
    by_rule = {}
    for rule in shown.rules:
        counted = rule.judged.counted
        service = services.get(counted.service_id or 0)
        slug = service.slug if service else ""
        labels = {"title": counted.rule, "service": slug, **counted.labels}
        if entry := runbooks.own_entry(labels, service, entries, public_url):
            by_rule[rule.id] = entry
    return by_rule


async def audit(tx: Tx, quarter: str, team_slug: str) -> Audit:
    """Return the audit of a team in a quarter; raise `NotFound`."""
    one = await store.audit(tx, quarter, team_slug)
    if one is None:
        raise NotFound(
            f"There is no alert audit {quarter[:20]} of {team_slug[:80]}.",
            hint="Audits are built on the first day of a quarter, for teams that own a service.",
        )
    return one


async def contents(tx: Tx, quarter: str, team_slug: str, now: datetime) -> AuditContents:
    """Return an audit with all that its screen shows to the reader; raise `NotFound`."""
    one = await audit(tx, quarter, team_slug)
    version = await alerts.routing_in_force(tx)
    rules = version.rules if version else ()
    routing, _ = compile_rules(version.id if version else 0, rules)
    hidden = set(await incidents.hidden_ids(tx))
    services = await catalog.services(tx, with_deleted=True)
    unalerted = await source_store.unalerted_incidents(tx, one.team_id, one.window_start, one.built_at)
    return AuditContents(
        one,
        await store.rules(tx, one.id),
        [incident for incident in unalerted if incident[0] not in hidden],
        checks.overdue(one, now),
        await store.earlier_decisions(tx, one),
        rules,
        routing,
        {service.id: service.name for service in services},
        all(service.team_id == one.team_id for service in services),
    )


async def check_patch(tx: Tx, of: Audit, change: RoutingPatch, now: datetime) -> None:
    """Raise `Conflict` if a change would have held a page that led to an incident, or touches other teams.

    It is replayed over the alerts of the last 30 days, which must show what it would change. Incidents that the
    reader may not read count, and are not named.
    """
    with private_reader.as_reader(None):
        replayed = await routing_queries.preview(tx, change.rules, now)
    if replayed.is_cut or not replayed.affected:
        raise Conflict(
            "The alerts of the last 30 days don’t show what it would change.",
            hint="Change the alert where it is defined, or write a routing rule under Routing.",
        )
    if replayed.incidents:
        hidden = {f"INC-{id_}" for id_ in await incidents.hidden_ids(tx)}
        readable = [ref for ref in replayed.incidents if ref not in hidden]
        raise Conflict(
            f"It would have held pages that led to {', '.join(readable[:5]) or 'an incident'}.",
            hint="Change the alert where it is defined, or write a narrower routing rule.",
        )
    services = await catalog.services_by_id(tx, list(replayed.service_ids))
    others = [services[id_].name for id_ in sorted(services) if services[id_].team_id != of.team_id]
    if others:
        raise Conflict(
            f"It would also change alerts of {', '.join(others[:5])}.",
            hint="Write a routing rule with more matchers under Routing.",
        )
