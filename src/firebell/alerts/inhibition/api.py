"""Inhibition rules over JSON."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.alerts.inhibition import actions, rules
from firebell.alerts.inhibition.model import DEFAULT_WAIT_S, InhibitionRule, NewInhibitionRule
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Name, PathId, StrictInt, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("alerts", "/inhibition-rules")

Reader = Annotated[Work, work(Verb.SILENCE_READ)]
Writer = Annotated[Work, work(Verb.INHIBITION_WRITE)]
MatchersText = Annotated[Text, Field(max_length=rules.MATCHERS_MAX_CHARS, description="as in Alertmanager")]


class InhibitionRuleFields(ApiInput):
    """While an alert matches the source matchers and fires, those that match the target matchers page no one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Node down",
                    "source_matchers": '{alertname="NodeDown"}',
                    "target_matchers": '{severity="warning"}',
                    "equal": ["instance"],
                }
            ]
        }
    )

    name: Annotated[Text, Field(min_length=1, max_length=rules.NAME_MAX_CHARS)]
    source_matchers: MatchersText
    target_matchers: MatchersText
    equal: Annotated[
        list[Name],
        Field(
            max_length=rules.MAX_EQUAL,
            description="labels that a target must have with the value of its source; missing is the same as empty",
        ),
    ] = Field(default_factory=list)
    wait_s: Annotated[
        StrictInt,
        Field(
            ge=0,
            le=rules.LONGEST_WAIT_S,
            description="seconds that a target waits for its source; 0 if it must page at once",
        ),
    ] = DEFAULT_WAIT_S

    def entered(self) -> NewInhibitionRule:
        """Return the rule as the actions take it."""
        return NewInhibitionRule(
            self.name, self.source_matchers, self.target_matchers, tuple(self.equal), self.wait_s
        )


class InhibitionRuleShown(ApiOutput):
    """An inhibition rule, its firing sources and the alerts that these inhibit."""

    id: int
    name: str
    source_matchers: str
    target_matchers: str
    equal: list[str]
    wait_s: int
    author: str
    created_at: datetime
    sources: Annotated[int, Field(description="sources that fire now")]
    inhibited: Annotated[int, Field(description="firing alerts that they inhibit")]


class InhibitionToPreview(ApiInput):
    """A rule to try on past alerts."""

    source_matchers: MatchersText
    target_matchers: MatchersText
    equal: Annotated[list[Name], Field(max_length=rules.MAX_EQUAL)] = Field(default_factory=list)
    wait_s: Annotated[StrictInt, Field(ge=0, le=rules.LONGEST_WAIT_S)] = DEFAULT_WAIT_S


class InhibitionExampleShown(ApiOutput):
    """An alert that the rule would have inhibited, and the source that fired."""

    alert_id: int
    title: str
    starts_at: datetime
    source_id: int
    source_title: str
    released_at: Annotated[
        datetime | None, Field(description="when it would have paged; null if it ended before")
    ]
    incidents: list[str]


class InhibitionPreviewShown(ApiOutput):
    """What a rule would have inhibited in the last 30 days; nothing is saved."""

    compared: Annotated[int, Field(description="alerts of 30 days that were compared")]
    sources: int
    targets: int
    inhibited: int
    hidden: Annotated[int, Field(description="inhibited targets that would have paged no one")]
    released: Annotated[
        int, Field(description="inhibited targets that would have paged when their sources ended")
    ]
    waited: Annotated[
        int, Field(description="targets without a source, which would have paged after the wait")
    ]
    firing: Annotated[int, Field(description="inhibited targets that fire now")]
    incidents: Annotated[list[str], Field(description="those of inhibited targets")]
    examples: Annotated[
        list[InhibitionExampleShown], Field(description="at most 20, those with incidents first")
    ]
    is_partial: Annotated[bool, Field(description="true if older alerts of these days were not compared")]


async def _shown(w: Work, listed: list[InhibitionRule]) -> list[InhibitionRuleShown]:
    inhibited = await actions.inhibited_by_rule(w.tx)
    result = []
    for one in listed:
        sources, alerts = inhibited.get(one.id, (0, 0))
        result.append(
            InhibitionRuleShown(
                id=one.id,
                name=one.name,
                source_matchers=one.source_matchers,
                target_matchers=one.target_matchers,
                equal=list(one.equal),
                wait_s=one.wait_s,
                author=one.author,
                created_at=one.created_at,
                sources=sources,
                inhibited=alerts,
            )
        )
    return result


@router.get("", summary="List inhibition rules by name")
async def list_inhibition_rules(w: Reader) -> list[InhibitionRuleShown]:
    return await _shown(w, await actions.rules(w.tx))


@router.post("", status_code=201, summary="Create an inhibition rule", responses=problems(409))
async def create_inhibition_rule(w: Writer, fields: InhibitionRuleFields) -> InhibitionRuleShown:
    created = await actions.create_rule(w.tx, w.actor, entered=fields.entered(), now=w.now)
    return (await _shown(w, [created]))[0]


@router.post("/preview", summary="Replay the last 30 days by an inhibition rule")
async def preview_inhibition_rule(w: Reader, draft: InhibitionToPreview) -> InhibitionPreviewShown:
    entered = NewInhibitionRule(
        "", draft.source_matchers, draft.target_matchers, tuple(draft.equal), draft.wait_s
    )
    return InhibitionPreviewShown.model_validate(await actions.preview(w.tx, entered, w.now))


@router.get("/{rule_id}", summary="Get an inhibition rule", responses=problems(404))
async def get_inhibition_rule(w: Reader, rule_id: PathId) -> InhibitionRuleShown:
    return (await _shown(w, [await actions.rule(w.tx, rule_id)]))[0]


@router.put(
    "/{rule_id}",
    summary="Replace an inhibition rule; alerts that it no longer inhibits page",
    responses=problems(404),
)
async def update_inhibition_rule(
    w: Writer, rule_id: PathId, fields: InhibitionRuleFields
) -> InhibitionRuleShown:
    changed = await actions.update_rule(w.tx, w.actor, rule_id=rule_id, entered=fields.entered(), now=w.now)
    return (await _shown(w, [changed]))[0]


@router.delete(
    "/{rule_id}",
    status_code=204,
    summary="Delete an inhibition rule; alerts that only it inhibits page",
    responses=problems(404),
)
async def delete_inhibition_rule(w: Writer, rule_id: PathId) -> None:
    await actions.delete_rule(w.tx, w.actor, rule_id=rule_id, now=w.now)
