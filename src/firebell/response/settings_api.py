"""The API of the response settings; their document is the same that the command line exports and imports."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from firebell.catalog import actions as catalog
from firebell.incidents.severity import parse
from firebell.kit.errors import Invalid
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Instant, StrictBool, StrictInt, Text, TimeZone, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.response import document, preview, queries, settings_actions
from firebell.response.model import ResponseGroup

router = api.router("response")

Reader = Annotated[Work, work(Verb.RESPONSE_READ)]
Writer = Annotated[Work, work(Verb.RESPONSE_WRITE)]
Whos = Annotated[
    list[Annotated[Text, Field(max_length=300)]],
    Field(max_length=50, description="groups, service_team, or targets such as schedule:primary"),
]
Wall = Annotated[Text, Field(max_length=5, examples=["09:00"])]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class BusinessHoursShown(ApiOutput):
    """The business hours of the organization."""

    tz: str
    days: list[str]
    start: str
    end: str
    country: str


class MatrixStepShown(ApiOutput):
    """A step of the escalation matrix."""

    after: Annotated[int, Field(description="minutes from the declaration or the last raise")]
    function: Annotated[str, Field(description="the key of its row")]
    how: str
    who: str


class MatrixRowShown(ApiOutput):
    """A row of the escalation matrix."""

    key: str
    name: str


class SeverityShown(ApiOutput):
    """What one severity starts."""

    page: list[str]
    brief: list[str]
    any_hour: bool
    off_hours_levels: bool
    task: bool
    queue: bool
    customers_every: Annotated[int, Field(description="minutes; 0 for never")]
    matrix: list[MatrixStepShown]


class DocumentShown(ApiOutput):
    """The response settings."""

    hours: BusinessHoursShown
    executives_wait: int
    rows: Annotated[list[MatrixRowShown], Field(description="in the order in which they are shown")]
    groups: dict[str, list[str]]
    severities: dict[str, SeverityShown]


class SettingsShown(ApiOutput):
    """The response settings in force."""

    version: Annotated[int, Field(description="0 is the shipped one")]
    applied_at: datetime | None
    applied_by: str
    settings: DocumentShown


class Hours(ApiInput):
    """Business hours."""

    tz: TimeZone = "UTC"
    days: Annotated[list[Day], Field(min_length=1, max_length=7)] = ["mon", "tue", "wed", "thu", "fri"]  # noqa: RUF012 - pydantic copies it
    start: Wall = "09:00"
    end: Wall = "17:00"
    country: Annotated[Text, Field(max_length=2)] = ""


class NewRow(ApiInput):
    """A row of the escalation matrix; its steps name its key."""

    key: Annotated[
        Text,
        Field(
            max_length=document.ROW_KEY_MAX_CHARS, pattern=f"^{document.ROW_KEY.pattern}$", examples=["legal"]
        ),
    ]
    name: Annotated[Text, Field(max_length=document.ROW_NAME_MAX_CHARS)]


class NewStep(ApiInput):
    """A step of the escalation matrix."""

    after: Annotated[StrictInt, Field(ge=0, le=document.LONGEST_STEP_MIN)]
    function: Annotated[
        Text, Field(max_length=document.ROW_KEY_MAX_CHARS, description="the key of a row", examples=["legal"])
    ]
    how: Literal["page", "brief", "post", "ask"] = "page"
    who: Annotated[
        Text,
        Field(
            max_length=300,
            description="a group, next_tier, service_team or a target; to post, one such as channel:slack/support",
        ),
    ]


class SeveritySettings(ApiInput):
    """What one severity starts; what is left out is as shipped."""

    page: Whos | None = None
    brief: Whos | None = None
    any_hour: StrictBool | None = None
    off_hours_levels: StrictBool | None = None
    task: StrictBool | None = None
    queue: StrictBool | None = None
    customers_every: Annotated[StrictInt, Field(ge=0, le=1440)] | None = None
    matrix: Annotated[list[NewStep], Field(max_length=50)] | None = None


class NewSettings(ApiInput):
    """Response settings; what is left out is as shipped. Open incidents keep the version they began with."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"groups": {"commander": [], "executives": []}, "executives_wait": 5}]
        }
    )

    hours: Hours | None = None
    executives_wait: Annotated[StrictInt, Field(ge=0, le=60)] | None = None
    rows: Annotated[list[NewRow], Field(min_length=1, max_length=document.MOST_ROWS)] | None = None
    groups: dict[ResponseGroup, Whos] = {}  # noqa: RUF012 - pydantic copies it
    severities: dict[Literal["SEV0", "SEV1", "SEV2", "SEV3"], SeveritySettings] = {}  # noqa: RUF012


class ReachedPersonShown(ApiOutput):
    """A person whom a step reaches."""

    id: int
    name: str


class PlannedStepShown(ApiOutput):
    """A step of a dry run."""

    at: datetime
    how: str
    text: str
    people: list[ReachedPersonShown]


async def _shown(w: Work) -> SettingsShown:
    settings, applied = await queries.settings(w.tx)
    names = await queries.target_names(w.tx)
    return SettingsShown(
        version=settings.version,
        applied_at=applied.applied_at if applied else None,
        applied_by=applied.actor if applied else "",
        settings=DocumentShown.model_validate(document.to_document(settings, names.outside)),
    )


@router.get("/response", summary="Get the response by severity")
async def get_response_settings(w: Reader) -> SettingsShown:
    return await _shown(w)


@router.put("/response", summary="Replace the response by severity", responses=problems(409))
async def replace_response_settings(w: Writer, new_settings: NewSettings) -> SettingsShown:
    values: dict[str, Any] = new_settings.model_dump(mode="json", exclude_none=True)
    names = await queries.target_names(w.tx)
    settings = document.from_document(values, rename=names.inside)
    await settings_actions.replace_settings(w.tx, w.actor, settings, w.now)
    return await _shown(w)


@router.get(
    "/response/dry-run",
    summary="Show whom an incident would page, and when",
    responses=problems(404),
)
async def dry_run_response(
    w: Reader,
    severity: Text = "SEV1",
    at: Instant | None = None,
    service: Text | None = None,
) -> list[PlannedStepShown]:
    level = parse(severity)
    if level is None:
        raise Invalid("That is not a severity.", fields={"severity": "Use SEV0 to SEV3."})
    service_id = (await catalog.resolve_service(w.tx, service)).id if service else None
    settings, _ = await queries.settings(w.tx)
    planned = await preview.dry_run(w.tx, settings, int(level), at or w.now, service_id=service_id)
    return [
        PlannedStepShown(
            at=step.at,
            how=step.how,
            text=step.text,
            people=[ReachedPersonShown(id=person_id, name=name) for person_id, name in step.people],
        )
        for step in planned
    ]
