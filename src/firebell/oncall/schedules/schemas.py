"""Request and response models of the schedule API."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Id,
    Instant,
    LocalDateTime,
    Name,
    ShortName,
    StrictInt,
    Text,
    TimeZone,
)
from firebell.oncall.checks.preview import Preview
from firebell.oncall.checks.rules import ScheduleFinding
from firebell.oncall.model import (
    MAX_LAYER_NAME_LENGTH,
    MAX_SHIFT_LENGTH,
    Layer,
    Override,
    OverrideKind,
    Schedule,
    Unit,
    User,
    Window,
)
from firebell.people.model import Person


class Named(ApiOutput):
    """A person by ID and name."""

    id: int
    name: str


class WindowGiven(ApiInput):
    """Active hours: from local minute `start` on weekdays `days` (0 is Monday), for `minutes`."""

    start: Annotated[StrictInt, Field(ge=0, le=1439)]
    minutes: Annotated[StrictInt, Field(ge=1, le=10080)]
    days: Annotated[list[Annotated[StrictInt, Field(ge=0, le=6)]], Field(min_length=1, max_length=7)]


class LayerGiven(ApiInput):
    """One rotation: each slot is on call for `every` `unit`s from `anchor` on.

    During an empty slot the layers below apply.
    """

    name: Annotated[Text, Field(max_length=MAX_LAYER_NAME_LENGTH)] = ""
    slots: Annotated[list[Annotated[list[Id], Field(max_length=20)]], Field(min_length=1, max_length=500)]
    anchor: LocalDateTime
    unit: Unit = Unit.WEEK
    every: Annotated[StrictInt, Field(ge=1, le=MAX_SHIFT_LENGTH)] = 1
    tz: TimeZone
    windows: Annotated[tuple[WindowGiven, ...], Field(max_length=50)] = ()
    start: Instant | None = None
    end: Instant | None = None
    offset: Annotated[StrictInt, Field(ge=0, le=500)] = 0


class EditedLayer(LayerGiven):
    """A layer of a change: with `id` it replaces that layer, without it is new."""

    id: Id | None = None


class LayerShown(LayerGiven):
    """A layer as it is stored."""

    id: int
    anchor: Annotated[str, Field(examples=["2026-11-23T09:00:00"])]  # type: ignore[assignment]
    start: datetime | None
    end: datetime | None


class NewSchedule(ApiInput):
    """A schedule with its layers from low to high; higher layers take priority."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Payments primary",
                    "team_id": 1,
                    "tz": "Europe/Berlin",
                    "layers": [
                        {
                            "name": "Weekly",
                            "slots": [[1], [2]],
                            "anchor": "2026-11-23T09:00",
                            "unit": "week",
                            "tz": "Europe/Berlin",
                        }
                    ],
                }
            ]
        }
    )

    name: ShortName
    team_id: Id
    tz: TimeZone
    layers: Annotated[list[LayerGiven], Field(min_length=1, max_length=20)]


class EditedLayers(ApiInput):
    """All layers from low to high as they apply from `at` on (default now); past shifts don't change.

    A layer that is left out ends. With `version`, the change is refused when the schedule has a newer version.
    """

    layers: Annotated[list[EditedLayer], Field(max_length=20)]
    at: Instant | None = None
    version: Annotated[StrictInt, Field(ge=1)] | None = None


class ScheduleChange(ApiInput):
    """The fields of a schedule to change; fields that are left out keep their value."""

    name: ShortName | None = None
    team_id: Id | None = None
    tz: TimeZone | None = None


class Joining(ApiInput):
    """A person joins a layer from `at` on (default now), at a place in the order (0 is first) or as the last."""

    person: Annotated[Name, Field(description="ID or email address")]
    layer_id: Id
    place: Annotated[StrictInt, Field(ge=0, le=500)] | None = None
    at: Instant | None = None


class Leaving(ApiInput):
    """A person leaves every layer from `at` on (default now)."""

    person: Annotated[Name, Field(description="ID or email address")]
    at: Instant | None = None


class NewShadow(ApiInput):
    """A shadow: gets a copy of every page to `of`, or to everyone on call."""

    person: Annotated[Name, Field(description="ID or email address")]
    of: Annotated[Name | None, Field(description="ID or email address; default: everyone on call")] = None
    start: Instant
    end: Instant | None = None


class FixShown(ApiOutput):
    """The fix of a finding: override, leave, remove, contact, offset, ask, take, seen, calendars or edit."""

    verb: str
    label: str
    args: dict[str, Any]


class FindingShown(ApiOutput):
    """A problem of a schedule; `id` stays the same for as long as the problem exists."""

    id: str
    code: str
    level: str
    message: str
    start: datetime | None
    end: datetime | None
    people: list[int]
    fix: FixShown | None


class ChangeShown(ApiOutput):
    """An interval in which other people would be on call."""

    start: datetime
    end: datetime
    before: list[Named]
    after: list[Named]


class HoursShown(ApiOutput):
    """The on-call hours that a person would gain (positive) or lose (negative)."""

    person: Named
    hours: float


class StretchShown(ApiOutput):
    """A time interval."""

    start: datetime
    end: datetime


class PreviewShown(ApiOutput):
    """The effect of saving: on-call changes within 90 days, gaps within 400, findings within 28."""

    changes: list[ChangeShown]
    hours: list[HoursShown]
    new_gaps: list[StretchShown]
    closed_gaps: list[StretchShown]
    new_findings: list[FindingShown]
    fixed_findings: list[FindingShown]


class EditShown(ApiOutput):
    """An override on `[start, end)`: sets, adds, removes or maps people."""

    id: int
    kind: OverrideKind
    source: str
    start: datetime
    end: datetime
    people: list[int]
    mapping: dict[str, int]
    reason: str


class ShadowShown(ApiOutput):
    """A shadow, who gets a copy of every page to `of`, or to everyone on call."""

    id: int
    user: int
    of: int | None
    start: datetime
    end: datetime | None


class ScheduleShown(ApiOutput):
    """A schedule; `version` rises with every change."""

    id: int
    slug: str
    name: str
    tz: str
    team_id: int
    version: int


class ScheduleDetail(ScheduleShown):
    """A schedule with its layers from low to high and its overrides (`edits`) in the order in which they apply."""

    layers: list[LayerShown]
    edits: list[EditShown]
    shadows: list[ShadowShown]


def edit_shown(override: Override) -> EditShown:
    """Return an override as the API shows it."""
    return EditShown(
        id=override.id,
        kind=override.kind,
        source=override.source,
        start=override.start,
        end=override.end,
        people=list(override.users),
        mapping={str(old): new for old, new in override.mapping.items()},
        reason=override.reason,
    )


def layer_shown(layer: Layer) -> LayerShown:
    """Return a layer as the API shows it."""
    return LayerShown.model_validate(
        {
            "id": layer.id,
            "name": layer.name,
            "slots": [list(slot) for slot in layer.slots],
            "anchor": layer.anchor.isoformat(),
            "unit": layer.unit,
            "every": layer.every,
            "tz": layer.tz,
            "windows": [
                {"start": w.start, "minutes": w.minutes, "days": sorted(w.days)} for w in layer.windows
            ],
            "start": layer.start,
            "end": layer.end,
            "offset": layer.offset,
        }
    )


def finding_shown(finding: ScheduleFinding) -> FindingShown:
    """Return a finding as the API shows it."""
    fix = finding.fix
    return FindingShown(
        id=finding.id,
        code=finding.code,
        level=finding.level,
        message=finding.message,
        start=finding.start,
        end=finding.end,
        people=list(finding.users),
        fix=FixShown(verb=fix.verb, label=fix.label, args=dict(fix.args)) if fix else None,
    )


def to_layer(layer: LayerGiven, layer_id: int = 0) -> Layer:
    """Return the domain layer that the API's layer describes."""
    return Layer(
        id=layer_id,
        name=layer.name,
        slots=tuple(tuple(slot) for slot in layer.slots),
        anchor=layer.anchor,
        unit=layer.unit,
        every=layer.every,
        tz=layer.tz,
        windows=tuple(Window(w.start, w.minutes, frozenset(w.days)) for w in layer.windows),
        start=layer.start,
        end=layer.end,
        offset=layer.offset,
    )


def to_layers(body: EditedLayers) -> list[Layer]:
    """Return the layers of a change, each with the ID of the layer that it replaces (0: new)."""
    return [to_layer(layer, layer.id or 0) for layer in body.layers]


def schedule_shown(schedule: Schedule) -> ScheduleShown:
    """Return a schedule without its layers as the API shows it."""
    return ScheduleShown.model_validate(schedule)


def detail_shown(schedule: Schedule) -> ScheduleDetail:
    """Return a whole schedule as the API shows it."""
    return ScheduleDetail(
        **schedule_shown(schedule).model_dump(),
        layers=[layer_shown(layer) for layer in schedule.layers],
        edits=[edit_shown(override) for override in schedule.overrides if not override.import_key],
        shadows=[ShadowShown.model_validate(shadow) for shadow in schedule.shadows],
    )


def preview_shown(preview: Preview, people: Sequence[Person]) -> PreviewShown:
    """Return a preview as the API shows it, with the names of its people."""
    names = {p.id: Named(id=p.id, name=p.name) for p in people}

    def named(users: Sequence[User]) -> list[Named]:
        return [names[u] for u in users]

    return PreviewShown(
        changes=[
            ChangeShown(start=start, end=end, before=named(before), after=named(after))
            for start, end, before, after in preview.changes
        ],
        hours=[HoursShown(person=names[user], hours=hours) for user, hours in preview.hours.items()],
        new_gaps=[StretchShown(start=start, end=end) for start, end in preview.new_gaps],
        closed_gaps=[StretchShown(start=start, end=end) for start, end in preview.closed_gaps],
        new_findings=[finding_shown(finding) for finding in preview.new_findings],
        fixed_findings=[finding_shown(finding) for finding in preview.fixed_findings],
    )
