"""The screens of alert audits: all of them, and one with its rules."""

from datetime import date
from typing import Any

from fastapi import Request, Response

from firebell.alert_audit import actions, checks, queries, source_store, wording
from firebell.alert_audit.model import DECISION_NAMES, AuditRule, AuditVerdict, RuleDecision
from firebell.alert_audit.proposals import Proposal
from firebell.alert_audit.queries import AuditContents
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.text import slugify, to_id, to_number
from firebell.kit.web import flash, html, routing, transaction
from firebell.kit.web.file_names import disposition
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

STATES = {
    AuditVerdict.ASSIGN_OWNER: "late",
    AuditVerdict.DELETE: "late",
    AuditVerdict.KEEP: "ok",
}
"""The color of each verdict; others are warnings."""
_CHART_WIDTH, _CHART_MARGIN = 700, 10


@router.get("/metrics/audit", dependencies=route_access.needs(Verb.ALERT_AUDIT_READ))
async def audits(visit: CurrentVisit, before: str = "") -> Response:
    listed = await queries.audits(visit.tx, queries.AUDITS_LISTED + 1, to_id(before))
    shown = listed[: queries.AUDITS_LISTED]
    context = {
        "nav": "metrics",
        "live": "alert-audit",
        "audits": shown,
        "w": wording,
        "overdue": [f for a in shown if (f := checks.overdue(a, visit.now))],
        "before": to_id(before),
        "older": f"/metrics/audit?before={shown[-1].id}" if len(listed) > len(shown) else "",
    }
    return await html.render(visit.request, "alert_audit/audits.html", context)


@router.get("/metrics/audit/{quarter}/{team}", dependencies=route_access.needs(Verb.ALERT_AUDIT_READ))
async def audit(visit: CurrentVisit, quarter: str, team: str, rule: str = "") -> Response:
    return await _audit(visit, quarter, team, to_id(rule))


async def _audit(
    visit: Visit, quarter: str, team: str, rule_id: int | None, error: FirebellError | None = None
) -> Response:
    shown = await queries.contents(visit.tx, quarter, team, visit.now)
    chosen = _chosen(shown, rule_id)
    context: dict[str, Any] = {
        "nav": "metrics",
        "live": "alert-audit",
        "shown": shown,
        "audit": shown.audit,
        "w": wording,
        "decisions": DECISION_NAMES,
        "state_of": lambda judged: STATES.get(judged.verdict, "warn"),
        "chosen": chosen,
        "chart": await _chart(visit, shown, chosen) if chosen else [],
        "proposal": await _proposal(visit, shown, chosen) if chosen else None,
        "patch": shown.patch(chosen) if chosen else None,
        "findings": checks.rule_findings(chosen.judged) if chosen else [],
        "runbook": (await queries.rule_runbooks(visit.tx, shown, visit.ctx.public_url)).get(chosen.id)
        if chosen
        else None,
        "neighbors": _neighbors(shown, chosen),
        "late": visit.now >= shown.audit.due_at and shown.audit.signed_at is None,
        "error": error,
        "values": visit.values,
    }
    return await html.render(visit.request, "alert_audit/audit.html", context)


async def _proposal(visit: Visit, shown: AuditContents, rule: AuditRule) -> Proposal:
    files = await queries.rule_files(visit.tx, [rule])
    return (await queries.proposals(shown, [rule], files, visit.ctx.public_url))[rule.id]


@router.get(
    "/metrics/audit/{quarter}/{team}/rules/{rule_id}/patch",
    dependencies=route_access.needs(Verb.ALERT_AUDIT_READ),
)
async def download_patch(request: Request, quarter: str, team: str, rule_id: str) -> Response:
    """Download the change of a rule in its rule file as a unified diff."""
    async with transaction.opened(request) as (tx, now):
        shown = await queries.contents(tx, quarter, team, now)
        rule = queries.rule_of(shown, to_id(rule_id) or 0)
        files = await queries.rule_files(tx, [rule])
    proposals = await queries.proposals(shown, [rule], files, html.ctx(request).public_url)
    patch = queries.patch_of(proposals[rule.id])
    name = f"{slugify(rule.judged.counted.rule) or 'rule'}-{quarter}.patch"
    headers = {**html.HEADERS, "Content-Disposition": disposition(name)}
    return Response(patch.encode(), headers=headers, media_type="text/x-diff; charset=utf-8")


def _chosen(shown: AuditContents, rule_id: int | None) -> AuditRule | None:
    """Return the rule that is open: the one of the address, else the first without a decision, else the first."""
    by_id = {rule.id: rule for rule in shown.rules}
    return by_id.get(rule_id or 0) or next(iter([*shown.undecided, *shown.rules]), None)


def _neighbors(shown: AuditContents, chosen: AuditRule | None) -> tuple[str, str]:
    """Return the addresses of the rules before and after the open one, empty at the ends."""
    ids = [rule.id for rule in shown.rules]
    if chosen is None:
        return "", ""
    at = ids.index(chosen.id)
    addresses = [f"{shown.audit.path}?rule={i}#rule" for i in ids]
    return (
        addresses[at - 1] if at else "",
        addresses[at + 1] if at + 1 < len(ids) else "",
    )


async def _chart(visit: Visit, shown: AuditContents, rule: AuditRule) -> list[tuple[int, bool, int]]:
    """Return the pages of a rule as (x, at night, page)."""
    audit = shown.audit
    marks = await source_store.marks(
        visit.tx, audit.team_id, rule.judged.counted.rule, audit.window_start, audit.built_at
    )
    length = (audit.built_at - audit.window_start).total_seconds()
    span = _CHART_WIDTH - 2 * _CHART_MARGIN
    return [
        (
            round(_CHART_MARGIN + span * (mark.triggered_at - audit.window_start).total_seconds() / length),
            mark.is_at_night,
            mark.id,
        )
        for mark in marks
    ]


@router.post(
    "/metrics/audit/{quarter}/{team}/rules/{rule_id}", dependencies=route_access.needs(Verb.ALERT_AUDIT_WRITE)
)
async def decide(visit: CurrentVisit, quarter: str, team: str, rule_id: str) -> Response:
    number = to_id(rule_id) or 0
    try:
        async with visit.tx.savepoint():
            decided = await actions.decide(
                visit.tx,
                visit.actor,
                quarter,
                team,
                number,
                _decision(visit.text("decision")),
                visit.now,
                reason=visit.text("reason"),
                decide_on=_day(visit.text("decide_on")),
            )
    except FirebellError as error:
        return await _audit(visit, quarter, team, number, error)
    what = DECISION_NAMES[decided.decision] if decided.decision else ""
    return flash.redirect(
        visit.request, f"/metrics/audit/{quarter}/{team}", f"{decided.judged.counted.rule}: {what.lower()}."
    )


@router.post(
    "/metrics/audit/{quarter}/{team}/rules/{rule_id}/routing",
    dependencies=route_access.needs(Verb.ROUTING_WRITE),
)
async def apply_patch(visit: CurrentVisit, quarter: str, team: str, rule_id: str) -> Response:
    number = to_id(rule_id) or 0
    try:
        async with visit.tx.savepoint():
            changed = await actions.apply_patch(
                *(visit.tx, visit.actor, quarter, team, number),
                to_number(visit.text("based_on") or "0", "based_on"),
                visit.now,
            )
    except FirebellError as error:
        return await _audit(visit, quarter, team, number, error)
    return flash.redirect(
        visit.request,
        f"/metrics/audit/{quarter}/{team}?rule={number}#rule",
        f"{changed.judged.counted.rule}: routing changed. Earlier versions are under Routing.",
    )


def _decision(text: str) -> RuleDecision:
    try:
        return RuleDecision(text)
    except ValueError:
        raise Invalid(
            "This is not a decision.", fields={"decision": f"Choose {', '.join(RuleDecision)}."}
        ) from None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@router.post("/metrics/audit/{quarter}/{team}/sign", dependencies=route_access.needs(Verb.ALERT_AUDIT_SIGN))
async def sign(visit: CurrentVisit, quarter: str, team: str) -> Response:
    try:
        async with visit.tx.savepoint():
            signed = await actions.sign(visit.tx, visit.actor, quarter, team, visit.now)
    except FirebellError as error:
        return await _audit(visit, quarter, team, None, error)
    return flash.redirect(visit.request, signed.path, f"You signed the audit for {signed.team}.")
