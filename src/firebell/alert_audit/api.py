"""The API of alert audits."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import Annotated

from fastapi import Request
from pydantic import ConfigDict, Field

from firebell.alert_audit import actions, checks, queries
from firebell.alert_audit.model import Audit, AuditRule, AuditVerdict, EarlierDecision, RuleDecision
from firebell.alert_audit.proposals import Proposal
from firebell.alert_audit.routing_patch import RoutingPatch
from firebell.alert_audit.rule_files import FileChange
from firebell.kit.db.database import Tx
from firebell.kit.findings import Finding
from firebell.kit.line_diff import DiffLine
from firebell.kit.web import api, html, transaction
from firebell.kit.web.api import ApiInput, ApiOutput, PageParams, PathId, StrictInt, Text, problems
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may
from firebell.people.unit_of_work import Work, work
from firebell.runbooks.model import IndexEntry

router = api.router("alert audits", "/alert-audits")

Reader = Annotated[Work, work(Verb.ALERT_AUDIT_READ)]
ContentsReader = Annotated[Caller, may(Verb.ALERT_AUDIT_READ)]
Writer = Annotated[Caller, may(Verb.ALERT_AUDIT_WRITE)]
RoutingWriter = Annotated[Caller, may(Verb.ROUTING_WRITE)]
Signer = Annotated[Caller, may(Verb.ALERT_AUDIT_SIGN)]
Quarter = Annotated[str, Field(examples=["2026-Q4"])]


class AuditFindingShown(ApiOutput):
    """A check of alert design, or of the audit."""

    id: str
    code: str
    level: str
    message: str
    advice: str


class AuditShown(ApiOutput):
    """The alert audit of a team in a quarter."""

    id: int
    team: str
    team_slug: str
    quarter: Quarter
    window_start: datetime
    built_at: datetime
    due_at: datetime
    pages: Annotated[int, Field(description="urgent pages of all its alerts in the 90 days")]
    nights: Annotated[int, Field(description="pages that woke someone")]
    to_decide: Annotated[int, Field(description="rules with a verdict other than keep")]
    decided: int
    signed_by: str | None
    signed_at: datetime | None
    findings: list[AuditFindingShown]


class RuleNumbersShown(ApiOutput):
    """What was counted about a rule in 90 days; pages are urgent ones."""

    firings: int
    pages: int
    nights: int
    cost: Annotated[int, Field(description="nights * 3 + pages")]
    woken: Annotated[int, Field(description="people woken")]
    ack_median_s: int | None
    noise: int
    acted_on: int
    votes_yes: int
    votes_no: int
    incidents: int
    entries: int
    self_ended: int
    quick_ends: Annotated[int, Field(description="ended by their source within 5 min")]
    flapping_hours: int


class ProposalShown(ApiOutput):
    """The change that a verdict proposes, and what it would have done in the 90 days."""

    words: str
    file: str
    diff: Annotated[str, Field(description="lines that begin with -, + or a space")]
    patch: Annotated[
        str, Field(description="unified diff of the synced rule file, for `git apply`; blank without one")
    ]
    source: Annotated[str, Field(description="runbook source that has the rule file; blank without one")]
    line: Annotated[int | None, Field(description="where the rule begins in its file")]
    problem: Annotated[str, Field(description="why there is no diff of its synced rule file; else empty")]
    withheld: Annotated[str, Field(description="why none is proposed; else empty")]
    silences_pages: int
    silences_nights: int
    hides_incidents: int


class RoutingPatchShown(ApiOutput):
    """The change of Firebell's routing rules that a verdict proposes."""

    based_on: Annotated[
        int, Field(description="the version of the routing rules that it changes, 0 for none")
    ]
    place: Annotated[int, Field(description="the number of the rule that is new or changed")]
    name: str
    matchers: str
    diff: Annotated[str, Field(description="lines that begin with -, + or a space")]


class EarlierDecisionShown(ApiOutput):
    """What the team decided last about the rule in the audit of an earlier quarter, and its pages then."""

    quarter: str
    decision: RuleDecision
    reason: str
    by: str
    at: datetime
    pages: int
    nights: int


class RuleRunbookShown(ApiOutput):
    """The runbook in the library that belongs to the rule or to its service now."""

    slug: str
    title: str
    errors: Annotated[int, Field(description="errors of its text")]
    last_exercised: datetime | None


class AuditRuleShown(ApiOutput):
    """A rule with its verdict and the decision about it."""

    id: int
    rule: str
    service_id: int | None
    numbers: RuleNumbersShown
    verdict: AuditVerdict
    merge_into: str
    also: list[AuditVerdict]
    proposal: ProposalShown
    routing: RoutingPatchShown | None
    findings: list[AuditFindingShown]
    decision: RuleDecision | None
    reason: str
    decide_on: date | None
    decided_by: str | None
    decided_at: datetime | None
    earlier: EarlierDecisionShown | None
    runbook: RuleRunbookShown | None


class SilentRuleShown(ApiOutput):
    """A rule that has not fired for 180 days."""

    rule: str
    last_paged: date


class UnalertedIncidentShown(ApiOutput):
    """An incident that no alert detected."""

    ref: str
    title: str
    day: date


class AuditContentsShown(AuditShown):
    """An audit with its rules, the silent rules, and the incidents that no alert detected."""

    rules: list[AuditRuleShown]
    rules_left_out: int
    silent_rules: list[SilentRuleShown]
    unalerted_incidents: list[UnalertedIncidentShown]


class PatchToApply(ApiInput):
    """Which version of the routing rules the person saw."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"based_on": 12}]})

    based_on: Annotated[StrictInt, Field(ge=0)]


class NewRuleDecision(ApiInput):
    """What the team decides about a rule."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"decision": "kept", "reason": "It guards the ledger."}]}
    )

    decision: RuleDecision
    reason: Annotated[
        Text, Field(max_length=actions.REASON_MAX_CHARS, description="needed to keep a rule")
    ] = ""
    decide_on: Annotated[date | None, Field(description="needed to defer; within three months")] = None


def _finding(finding: Finding) -> AuditFindingShown:
    return AuditFindingShown(
        id=finding.id, code=finding.code, level=finding.level, message=finding.message, advice=finding.advice
    )


def _audit(audit: Audit, now: datetime) -> dict[str, object]:
    finding = checks.overdue(audit, now)
    names = AuditShown.model_fields.keys() - {"findings"}
    return {
        **{name: getattr(audit, name) for name in names},
        "findings": [_finding(finding)] if finding else [],
    }


_MARKS = {"added": "+", "removed": "-"}


def _diff(lines: Sequence[DiffLine]) -> str:
    return "\n".join(f"{_MARKS.get(line.kind, ' ')}{line.text}" for line in lines)


def _rule(
    rule: AuditRule,
    proposal: Proposal,
    change: RoutingPatch | None,
    earlier: EarlierDecision | None,
    runbook: IndexEntry | None,
) -> AuditRuleShown:
    judged, n = rule.judged, rule.judged.counted.numbers
    edit = proposal.change or FileChange()
    return AuditRuleShown(
        id=rule.id,
        rule=judged.counted.rule,
        service_id=judged.counted.service_id,
        numbers=RuleNumbersShown(**{name: getattr(n, name) for name in RuleNumbersShown.model_fields}),
        verdict=judged.verdict,
        merge_into=judged.merge_into,
        also=list(judged.also),
        proposal=ProposalShown(
            words=proposal.words,
            file=proposal.file,
            diff=_diff(proposal.lines),
            patch=edit.patch,
            source=edit.origin,
            line=edit.line or None,
            problem=edit.problem,
            withheld=proposal.withheld,
            silences_pages=n.silenced,
            silences_nights=n.silenced_nights,
            hides_incidents=n.hidden,
        ),
        routing=RoutingPatchShown(
            based_on=change.based_on,
            place=change.place,
            name=change.rule.name,
            matchers=change.rule.matchers,
            diff=_diff(change.lines),
        )
        if change
        else None,
        findings=[_finding(finding) for finding in checks.rule_findings(judged)],
        decision=rule.decision,
        reason=rule.reason,
        decide_on=rule.decide_on,
        decided_by=rule.decided_by,
        decided_at=rule.decided_at,
        earlier=EarlierDecisionShown.model_validate(earlier) if earlier else None,
        runbook=RuleRunbookShown.model_validate(runbook) if runbook else None,
    )


Change = Callable[[Tx, datetime], Awaitable[object]]


async def _contents(
    request: Request, quarter: str, team: str, change: Change | None = None
) -> AuditContentsShown:
    """Return an audit, after a change; the files of its rules are read outside of the transaction."""
    public_url = html.ctx(request).public_url
    async with transaction.opened(request) as (tx, now):
        if change is not None:
            await change(tx, now)
        shown = await queries.contents(tx, quarter, team, now)
        runbooks = await queries.rule_runbooks(tx, shown, public_url)
        files = await queries.rule_files(tx, shown.rules)
    proposals = await queries.proposals(shown, shown.rules, files, public_url)
    return AuditContentsShown(
        **_audit(shown.audit, now),  # type: ignore[arg-type]
        rules=[
            _rule(
                rule,
                proposals[rule.id],
                shown.patch(rule),
                shown.earlier.get(rule.judged.counted.rule),
                runbooks.get(rule.id),
            )
            for rule in shown.rules
        ],
        rules_left_out=shown.audit.rules_left_out,
        silent_rules=[
            SilentRuleShown(rule=one.rule, last_paged=one.last_paged) for one in shown.audit.silent_rules
        ],
        unalerted_incidents=[
            UnalertedIncidentShown(ref=f"INC-{i}", title=title, day=day) for i, title, day in shown.unalerted
        ],
    )


@router.get("", summary="List the alert audits of all teams, newest first")
async def list_alert_audits(w: Reader, page_params: PageParams) -> list[AuditShown]:
    audits = await queries.audits(w.tx, page_params.limit, page_params.before)
    page_params.link([audit.id for audit in audits])
    return [AuditShown.model_validate(_audit(audit, w.now)) for audit in audits]


@router.get("/{quarter}/{team}", summary="Get the alert audit of a team", responses=problems(404))
async def get_alert_audit(
    request: Request, caller: ContentsReader, quarter: Quarter, team: Text
) -> AuditContentsShown:
    return await _contents(request, quarter, team)


@router.put(
    "/{quarter}/{team}/rules/{rule_id}/decision",
    summary="Decide on a rule of an alert audit",
    responses=problems(404, 409),
)
async def decide_on_rule(
    request: Request, caller: Writer, quarter: Quarter, team: Text, rule_id: PathId, body: NewRuleDecision
) -> AuditContentsShown:
    async def decide(tx: Tx, now: datetime) -> None:
        await actions.decide(
            tx,
            caller.actor,
            quarter,
            team,
            rule_id,
            body.decision,
            now,
            reason=body.reason,
            decide_on=body.decide_on,
        )

    return await _contents(request, quarter, team, decide)


@router.post(
    "/{quarter}/{team}/rules/{rule_id}/routing",
    summary="Apply the proposed change of the routing rules",
    responses=problems(404, 409),
)
async def apply_routing_patch(
    request: Request,
    caller: RoutingWriter,
    quarter: Quarter,
    team: Text,
    rule_id: PathId,
    body: PatchToApply,
) -> AuditContentsShown:
    async def apply(tx: Tx, now: datetime) -> None:
        await actions.apply_patch(tx, caller.actor, quarter, team, rule_id, body.based_on, now)

    return await _contents(request, quarter, team, apply)


@router.post(
    "/{quarter}/{team}/signature", summary="Sign the alert audit of a team", responses=problems(404, 409)
)
async def sign_alert_audit(
    request: Request, caller: Signer, quarter: Quarter, team: Text
) -> AuditContentsShown:
    async def sign(tx: Tx, now: datetime) -> None:
        await actions.sign(tx, caller.actor, quarter, team, now)

    return await _contents(request, quarter, team, sign)
