"""Escalation policies as JSON: what the API takes and shows, and how that becomes a plan."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from firebell.kit.web.api import ApiInput, ApiOutput, Id, Instant, ShortName, StrictBool, StrictInt, Text
from firebell.paging.level_conditions import ALWAYS, EVERY_DAY, Conditions, Hours, clock, to_minute
from firebell.paging.model import (
    MAX_MIN_ACKS,
    Level,
    Plan,
    Policy,
    PolicyVersion,
    Strategy,
    Target,
    TargetKind,
)
from firebell.paging.policies.dry_run import PlannedLevel

TimeOfDay = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$", examples=["09:00"])]


class TargetBody(ApiInput):
    """A person, a schedule (who is on call), or a whole team."""

    kind: TargetKind
    id: Id


class HoursBody(ApiInput):
    """Days of the week and times of day in the time zone of the policy, or, with `outside`, all other times.

    Hours that do not end after their start run past midnight, and belong to the day on which they start.
    """

    days: Annotated[
        list[Annotated[StrictInt, Field(ge=0, le=6)]],
        Field(
            default_factory=lambda: list(EVERY_DAY),
            min_length=1,
            max_length=7,
            description="0 for Monday to 6 for Sunday",
        ),
    ]
    start: TimeOfDay = "00:00"
    end: TimeOfDay = "24:00"
    outside: StrictBool = False


class ConditionsBody(ApiInput):
    """A level is only for pages that meet all of these, unless no other level reaches anyone.

    `severities` are those of incidents; pages of alerts have none.
    """

    urgency: Literal["high", "low"] | None = None
    severities: Annotated[
        list[Annotated[StrictInt, Field(ge=0, le=3)]], Field(default_factory=list, max_length=4)
    ]
    hours: HoursBody | None = None


class LevelBody(ApiInput):
    """Notify the people behind `targets`; escalate if too few acknowledge within `ack_within_s` seconds.

    With the strategy `round_robin`, each page notifies one person in turn, or as many as have to acknowledge.
    """

    targets: Annotated[list[TargetBody], Field(min_length=1, max_length=50)]
    ack_within_s: Annotated[StrictInt, Field(ge=60, le=86400)] = 300
    strategy: Strategy = Strategy.ALL
    min_acks: Annotated[
        StrictInt, Field(ge=1, le=MAX_MIN_ACKS, description="how many people have to acknowledge")
    ] = 1
    conditions: Annotated[ConditionsBody | None, Field(description="null: for every page")] = None


class PolicyName(ApiInput):
    """The new name of a policy."""

    name: ShortName


class PolicyPlan(ApiInput):
    """Levels in order, how often they repeat, the acknowledgment timeout (null: by severity), the zone of hours."""

    levels: Annotated[list[LevelBody], Field(min_length=1, max_length=20)]
    repeat: Annotated[StrictInt, Field(ge=0, le=9)] = 2
    ack_timeout_s: Annotated[StrictInt | None, Field(ge=60, le=86400)] = None
    tz: Annotated[Text, Field(description="the time zone of the hours of levels")] = "UTC"


class NewPolicy(PolicyPlan):
    """An escalation policy to create."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Payments",
                    "team_id": 1,
                    "levels": [
                        {"targets": [{"kind": "schedule", "id": 1}], "ack_within_s": 300},
                        {
                            "targets": [{"kind": "person", "id": 1}],
                            "conditions": {
                                "hours": {"days": [0, 1, 2, 3, 4], "start": "09:00", "end": "17:00"}
                            },
                        },
                        {
                            "targets": [{"kind": "team", "id": 1}],
                            "strategy": "round_robin",
                            "min_acks": 2,
                        },
                    ],
                    "tz": "Europe/Berlin",
                }
            ]
        }
    )

    name: ShortName
    team_id: Id


class ChangedPolicy(PolicyPlan):
    """The next version of a policy.

    With `version`, it is refused if that is no longer the current version. `apply_to_open_pages` also changes the
    open pages that began with an earlier one.
    """

    version: Annotated[StrictInt | None, Field(ge=1)] = None
    apply_to_open_pages: StrictBool = False


class RestoredVersion(ApiInput):
    """An earlier version to restore, for open pages too if `apply_to_open_pages`."""

    apply_to_open_pages: StrictBool = False


class DryRunInput(PolicyPlan):
    """A draft to try: who would be notified if a page of this team began at `at`, now if null.

    With a `severity`, it is the page of an incident, and its urgency follows.
    """

    team_id: Id
    at: Instant | None = None
    urgency: Literal["high", "low"] = "high"
    severity: Annotated[StrictInt | None, Field(ge=0, le=3)] = None


class EffectShown(ApiOutput):
    """The number of pages that enter each level, and the final alarm."""

    levels: list[int]
    alarms: int


class EffectsShown(ApiOutput):
    """What the saved policy and a draft would each have done with `pages`, at most the newest 2,000 of 90 days."""

    pages: int
    saved: EffectShown
    draft: EffectShown


class VersionShown(ApiOutput):
    """A version of a policy; `changes` are in words against the version before, null for the oldest one kept."""

    version: int
    saved_at: datetime
    saved_by: str
    changes: list[str] | None
    levels: list[LevelBody]
    repeat: int
    ack_timeout_s: int | None
    tz: str


class PolicyShown(ApiOutput):
    """An escalation policy. Changes apply to new pages; open pages keep the plan they began with."""

    id: int
    slug: str
    name: str
    team_id: int
    version: int
    levels: list[LevelBody]
    repeat: int
    ack_timeout_s: int | None
    tz: str


class MessageShown(ApiOutput):
    """A message that would be sent; `held` if quiet hours hold it until `at`."""

    at: datetime
    person_id: int
    channel: str
    held: bool


class StepShown(ApiOutput):
    """Who would be notified at `at`; `level` is null for the final alarm, `people` is empty if it is skipped.

    `unreachable` names the people of the level who have no usable contact method. `excluded` is true if the page does
    not meet the conditions of the level then.
    """

    at: datetime
    level: int | None
    people: list[int]
    names: str
    unreachable: list[str]
    excluded: bool
    messages: list[MessageShown]


def policy_shown(policy: Policy) -> PolicyShown:
    """Return a policy as the API shows it."""
    return PolicyShown(
        id=policy.id,
        slug=policy.slug,
        name=policy.name,
        team_id=policy.team_id,
        version=policy.version,
        levels=_level_bodies(policy.levels),
        repeat=policy.repeat,
        ack_timeout_s=policy.ack_timeout_s,
        tz=policy.tz,
    )


def _level_bodies(levels: Sequence[Level]) -> list[LevelBody]:
    return [
        LevelBody(
            targets=[TargetBody(kind=t.kind, id=t.id) for t in level.targets],
            ack_within_s=level.ack_within_s,
            strategy=level.strategy,
            min_acks=level.min_acks,
            conditions=_conditions_body(level.conditions),
        )
        for level in levels
    ]


def _conditions_body(conditions: Conditions) -> ConditionsBody | None:
    if conditions == ALWAYS:
        return None
    hours = conditions.hours
    return ConditionsBody(
        urgency="high" if conditions.urgency == "high" else "low" if conditions.urgency else None,
        severities=list(conditions.severities),
        hours=HoursBody(
            days=list(hours.days), start=clock(hours.start), end=clock(hours.end), outside=hours.is_outside
        )
        if hours
        else None,
    )


def version_shown(version: PolicyVersion, changes: list[str] | None) -> VersionShown:
    """Return a version as the API shows it; `changes` are those since the one before."""
    return VersionShown(
        version=version.version,
        saved_at=version.saved_at,
        saved_by=version.saved_by,
        changes=changes,
        levels=_level_bodies(version.plan.levels),
        repeat=version.plan.repeat,
        ack_timeout_s=version.plan.ack_timeout_s,
        tz=version.plan.tz,
    )


def steps_shown(steps: Sequence[PlannedLevel], start: datetime) -> list[StepShown]:
    """Return what a dry run plans, as the API shows it."""
    return [
        StepShown(
            at=start + step.at,
            level=None if step.level is None else step.level + 1,
            people=[person_id for person_id, _ in step.people],
            names=step.names,
            unreachable=list(step.unreachable),
            excluded=step.is_excluded,
            messages=[
                MessageShown(at=start + m.at, person_id=m.person_id, channel=m.channel, held=m.held)
                for m in step.messages
            ],
        )
        for step in steps
    ]


def plan_of(body: PolicyPlan, name: str) -> Plan:
    """Return a plan that was sent, with the name of its policy."""
    levels = (
        Level(
            tuple(Target(t.kind, t.id) for t in level.targets),
            level.ack_within_s,
            level.strategy,
            level.min_acks,
            _conditions(level.conditions),
        )
        for level in body.levels
    )
    return Plan(name, tuple(levels), body.repeat, body.ack_timeout_s, tz=body.tz)


def _conditions(shown: ConditionsBody | None) -> Conditions:
    if shown is None:
        return ALWAYS
    hours = None
    if shown.hours:
        hours = Hours(
            tuple(sorted(set(shown.hours.days))),
            to_minute(shown.hours.start, "start"),
            to_minute(shown.hours.end, "end"),
            shown.hours.outside,
        )
    return Conditions(
        shown.urgency or "", tuple(sorted(set(shown.severities))), None if hours == Hours() else hours
    )
