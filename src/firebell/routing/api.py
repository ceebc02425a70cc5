"""Routing rules and explanations over JSON."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from firebell.alerts import actions as alerts
from firebell.alerts import queries as alert_queries
from firebell.alerts.routing_rules import changes as routing_changes
from firebell.alerts.routing_rules import validation as routing_validation
from firebell.alerts.routing_rules.rules import Owner, RoutingRule, RoutingVersion, Urgency
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit.errors import Invalid
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Name,
    PageParams,
    PathId,
    StrictBool,
    StrictInt,
    Text,
    problems,
)
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.routing import queries
from firebell.routing.model import StageName, StageResult

router = api.router()

Reader = Annotated[Work, work(Verb.ROUTING_READ)]
Writer = Annotated[Work, work(Verb.ROUTING_WRITE)]
AlertReader = Annotated[Work, work(Verb.ALERT_READ)]
Severity = Literal["critical", "error", "warning", "info"]


class RoutingRuleFields(ApiInput):
    """One rule. The first rule whose matchers an alert meets decides; what it leaves out is as without rules."""

    id: Annotated[
        StrictInt,
        Field(
            ge=0, description="stays the same when a rule is changed or moved; 0 or left out for a new one"
        ),
    ] = 0
    name: Annotated[
        Name, Field(max_length=routing_validation.MAX_NAME_CHARS, examples=["Payments databases"])
    ]
    matchers: Annotated[
        Text,
        Field(
            max_length=4096,
            description="as in Alertmanager, of labels, title and severity; all of them must match",
            examples=['team="payments",job=~"postgres|pgbouncer"'],
        ),
    ]
    owner: Annotated[
        Literal["integration", "label", "service"],
        Field(
            description="the service of the integration, the one that the label `service` names by slug or name, or "
            "`service`; an alert whose service does not exist is handled as if no rule matched"
        ),
    ] = "integration"
    service: Annotated[Name | None, Field(description="slug; only with the owner `service`")] = None
    urgency: Literal["severity", "high", "low"] = "severity"
    group_by: Annotated[
        list[Annotated[Text, Field(max_length=routing_validation.MAX_LABEL_CHARS)]] | None,
        Field(
            max_length=routing_validation.MAX_GROUP_LABELS,
            description="labels that separate groups, `...` for all; null for the label `service`",
        ),
    ] = None
    pages: Annotated[StrictBool, Field(description="false: its alerts page no one and stay visible")] = True
    wait_s: Annotated[
        StrictInt, Field(ge=0, le=3600, description="a group pages after this long if it still fires")
    ] = 0
    threshold: Annotated[
        StrictInt,
        Field(
            ge=1,
            le=routing_validation.MAX_THRESHOLD,
            description="a group pages at this number of firing events",
        ),
    ] = 1
    window_s: Annotated[
        StrictInt, Field(ge=60, le=86_400, description="within which these events must arrive")
    ] = 600


class RoutingDraft(ApiInput):
    """Rules, in the order in which they are read."""

    rules: Annotated[list[RoutingRuleFields], Field(max_length=routing_validation.MAX_RULES)]


class NewRouting(RoutingDraft):
    """Rules that replace those in force."""

    based_on: Annotated[
        StrictInt, Field(ge=0, description="the version that you changed; 0 if no rules were ever saved")
    ]
    note: Annotated[Text, Field(max_length=200, description="why, for the list of versions")] = ""


class RoutingRuleShown(ApiOutput):
    """A rule; `service` is null if it does not exist."""

    id: int
    name: str
    matchers: str
    owner: Literal["integration", "label", "service"]
    service: str | None
    urgency: Literal["severity", "high", "low"]
    group_by: list[str] | None
    pages: bool
    wait_s: int
    threshold: int
    window_s: int


class RoutingChangeShown(ApiOutput):
    """One difference from the version before."""

    rule_id: int
    kind: Literal["new", "removed", "moved", "changed"]
    text: str


class RoutingShown(ApiOutput):
    """A version of the rules; 0 if no rules were ever saved."""

    version: int
    rules: list[RoutingRuleShown]
    shadowed: Annotated[
        dict[int, int],
        Field(description="numbers of rules that never match, with the earlier rule that takes their alerts"),
    ]
    note: str
    saved_at: datetime | None
    saved_by: str


class RoutingVersionShown(RoutingShown):
    """A version, with what it changed."""

    changes: list[RoutingChangeShown]


class LabelsToTest(ApiInput):
    """An alert to test, as a key of a service would receive it."""

    service: Annotated[Name, Field(description="slug of the service whose key receives the alert")]
    labels: Annotated[dict[Name, Annotated[Text, Field(max_length=1024)]], Field(max_length=64)] = Field(
        default_factory=dict, examples=[{"team": "payments", "job": "pgbouncer"}]
    )
    title: Annotated[Text, Field(max_length=10_000)] = ""
    severity: Severity | None = None


class RuleVerdictShown(ApiOutput):
    """Whether a rule matches; if not, `reason` names the matcher that fails."""

    number: int
    rule_id: int
    name: str
    matches: bool
    reason: str


class RoutingTestShown(ApiOutput):
    """What the rules decide: the rules up to the one that matches, and who would get a page first now."""

    verdicts: list[RuleVerdictShown]
    rule: RuleVerdictShown | None
    is_fallback: Annotated[bool, Field(description="true if the rule names a service that does not exist")]
    service: str
    urgency: Literal["high", "low"]
    hold: Annotated[str, Field(description="such as `after 5 min`; `no one`; empty if it pages at once")]
    people: list[str]


class RoutingEffectShown(ApiOutput):
    """An alert that the draft would have treated differently."""

    alert_id: int
    title: str
    starts_at: datetime
    kind: Literal["hidden", "shown", "later", "moved", "urgency"]
    service_before: str
    service_after: str
    delay_s: int
    resolved_after_s: Annotated[int | None, Field(description="how long it fired; null if it still does")]
    incidents: list[str]


class RoutingPreviewShown(ApiOutput):
    """What the draft would have changed, by replaying the alerts since `since`; nothing is saved."""

    since: datetime
    alerts: int
    events: int
    is_cut: Annotated[bool, Field(description="true if there were more alerts than can be replayed")]
    pages_before: int
    pages_after: int
    counts: dict[str, int]
    incidents: Annotated[
        list[str], Field(description="those of alerts that would have paged no one, later or someone else")
    ]
    examples: list[RoutingEffectShown]


class ExplainedEntry(ApiOutput):
    """What a page did."""

    at: datetime
    text: str


class ExplainedStage(ApiOutput):
    """What one stage decided about an alert, and why."""

    name: StageName
    result: StageResult
    text: str
    at: datetime | None
    until: Annotated[datetime | None, Field(description="when it releases the alert, if it still fires")]
    href: Annotated[
        str, Field(description="address of what explains more in Firebell, empty if there is none")
    ]
    entries: list[ExplainedEntry]


class AlertExplained(ApiOutput):
    """Why an alert paged someone, or no one."""

    alert_id: int
    has_paged: bool
    title: str
    stages: list[ExplainedStage]
    next: Annotated[str, Field(description="what happens if no one acts; empty if nothing does")]


async def _slugs(w: Work) -> dict[int, str]:
    return {service.id: service.slug for service in await catalog.services(w.tx, with_deleted=True)}


async def _rules(w: Work, body: RoutingDraft) -> list[RoutingRule]:
    ids = {slug: id_ for id_, slug in (await _slugs(w)).items()}
    rules, wrong = [], {}
    for number, fields in enumerate(body.rules, 1):
        owner = Owner(fields.owner)
        if (owner is Owner.SERVICE) is (fields.service is None):
            wrong[f"rules.{number}.service"] = "Set service if and only if owner is service."
        elif fields.service is not None and fields.service not in ids:
            wrong[f"rules.{number}.service"] = f"There is no service {fields.service}."
        rules.append(
            RoutingRule(
                name=fields.name,
                matchers=fields.matchers,
                id=fields.id,
                owner=owner,
                service_id=ids.get(fields.service or ""),
                urgency=Urgency(fields.urgency),
                group_by=None if fields.group_by is None else tuple(fields.group_by),
                pages=fields.pages,
                wait_s=fields.wait_s,
                threshold=fields.threshold,
                window_s=fields.window_s,
            )
        )
    if wrong:
        raise Invalid("A routing rule is not complete.", fields=wrong)
    return rules


def _shown(version: RoutingVersion | None, slugs: Mapping[int, str]) -> RoutingShown:
    if version is None:
        return RoutingShown(version=0, rules=[], shadowed={}, note="", saved_at=None, saved_by="")
    return RoutingShown(
        version=version.id,
        rules=[
            RoutingRuleShown(
                id=rule.id,
                name=rule.name,
                matchers=rule.matchers,
                owner=rule.owner.value,
                service=slugs.get(rule.service_id or 0),
                urgency=rule.urgency.value,
                group_by=None if rule.group_by is None else list(rule.group_by),
                pages=rule.pages,
                wait_s=rule.wait_s,
                threshold=rule.threshold,
                window_s=rule.window_s,
            )
            for rule in version.rules
        ],
        shadowed=routing_validation.shadowed(version.rules),
        note=version.note,
        saved_at=version.saved_at,
        saved_by=version.saved_by,
    )


@router.get("/routing", tags=["routing"], summary="Get the routing rules in force")
async def get_routing(w: Reader) -> RoutingShown:
    return _shown(await alerts.routing_in_force(w.tx), await _slugs(w))


@router.put(
    "/routing",
    tags=["routing"],
    summary="Replace the routing rules; what they no longer hold pages",
    responses=problems(409),
)
async def replace_routing(w: Writer, body: NewRouting) -> RoutingShown:
    rules = await _rules(w, body)
    saved = await alerts.save_routing(w.tx, w.actor, rules, based_on=body.based_on, note=body.note, now=w.now)
    return _shown(saved, await _slugs(w))


@router.post("/routing/preview", tags=["routing"], summary="Replay the last 30 days by other routing rules")
async def preview_routing(w: Reader, body: RoutingDraft) -> RoutingPreviewShown:
    slugs = await _slugs(w)
    rules = routing_validation.checked(await _rules(w, body), set(slugs))
    result = await queries.preview(w.tx, rules, w.now)
    return RoutingPreviewShown(
        since=result.since,
        alerts=result.alerts,
        events=result.events,
        is_cut=result.is_cut,
        pages_before=result.pages_before,
        pages_after=result.pages_after,
        counts={kind.value: count for kind, count in result.counts.items()},
        incidents=list(result.incidents),
        examples=[
            RoutingEffectShown(
                alert_id=effect.alert_id,
                title=effect.title,
                starts_at=effect.starts_at,
                kind=effect.kind.value,
                service_before=slugs[effect.service_before],
                service_after=slugs[effect.service_after],
                delay_s=effect.delay_s,
                resolved_after_s=effect.resolved_after_s,
                incidents=list(effect.incidents),
            )
            for effect in result.examples
        ],
    )


@router.post(
    "/routing/test", tags=["routing"], summary="Test which rule decides about labels", responses=problems(404)
)
async def test_routing(w: Reader, body: LabelsToTest) -> RoutingTestShown:
    return await _tested(
        w,
        title=body.title,
        severity=body.severity,
        labels=body.labels,
        service=await catalog.by_slug(w.tx, body.service),
    )


@router.get(
    "/alerts/{alert_id}/routing-test",
    tags=["routing"],
    summary="Test which rule in force would decide about an alert",
    responses=problems(404),
)
async def test_routing_of_alert(w: Reader, alert_id: PathId) -> RoutingTestShown:
    (details,) = await alert_queries.alert_details(w.tx, [await alerts.alert(w.tx, alert_id)])
    alert = details.alert
    return await _tested(
        w,
        title=alert.title,
        severity=alert.severity,
        labels=alert.labels,
        service=details.service,
        dedup_key=alert.dedup_key,
    )


async def _tested(
    w: Work,
    *,
    title: str,
    severity: str | None,
    labels: Mapping[str, str],
    service: Service,
    dedup_key: str = "",
) -> RoutingTestShown:
    test = await queries.try_labels(
        w.tx,
        await alerts.load_routing(w.tx),
        title=title,
        severity=severity,
        labels=labels,
        default=service,
        now=w.now,
        dedup_key=dedup_key,
    )
    return RoutingTestShown(
        verdicts=[RuleVerdictShown.model_validate(v) for v in test.verdicts],
        rule=RuleVerdictShown.model_validate(test.rule) if test.rule else None,
        is_fallback=test.is_fallback,
        service=test.service_slug,
        urgency="high" if test.urgency == "high" else "low",
        hold=test.hold,
        people=list(test.people),
    )


@router.get("/routing/versions", tags=["routing"], summary="List versions of the routing rules, newest first")
async def list_routing_versions(w: Reader, params: PageParams) -> list[RoutingVersionShown]:
    listed = await alerts.routing_versions(w.tx, params.before, params.limit + 1)
    shown = listed[: params.limit]
    params.link([version.id for version in shown])
    slugs = await _slugs(w)
    return [
        _version_shown(version, earlier, slugs)
        for version, earlier in zip(shown, [*listed[1:], None][: len(shown)], strict=True)
    ]


def _version_shown(
    version: RoutingVersion, earlier: RoutingVersion | None, slugs: Mapping[int, str]
) -> RoutingVersionShown:
    changes = routing_changes.changes(earlier.rules if earlier else (), version.rules, slugs)
    return RoutingVersionShown(
        **_shown(version, slugs).model_dump(),
        changes=[RoutingChangeShown.model_validate(change) for change in changes],
    )


@router.get(
    "/alerts/{alert_id}/explain",
    tags=["alerts"],
    summary="Explain why an alert paged someone, or no one",
    responses=problems(404),
)
async def explain_alert(w: AlertReader, alert_id: PathId) -> AlertExplained:
    explained = await queries.explain(w.tx, alert_id)
    return AlertExplained(
        alert_id=explained.alert_id,
        has_paged=explained.has_paged,
        title=explained.title,
        stages=[ExplainedStage.model_validate(stage) for stage in explained.stages],
        next=explained.next,
    )
