"""The API of the working days and default due days of action items."""

from typing import Annotated

from pydantic import Field

from firebell.action_items.settings import actions as settings
from firebell.action_items.working_days import WorkingDays
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, StrictInt, Text
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("action items")

Reader = Annotated[Work, work(Verb.ACTION_ITEM_READ)]
SettingsWriter = Annotated[Work, work(Verb.INCIDENT_SETTINGS_WRITE)]


class ActionItemSettings(ApiOutput):
    """Working days, and after how many days new items are due."""

    weekdays: Annotated[list[int], Field(description="0 for Monday to 6 for Sunday")]
    country: Annotated[str, Field(description="the country whose public holidays are no working days")]
    subdivision: str
    due_days: Annotated[
        list[int], Field(description="for the priorities 1, 2 and 3", examples=[[14, 30, 90]])
    ]


class NewActionItemSettings(ApiInput):
    """Working days, and after how many days new items are due."""

    weekdays: Annotated[list[StrictInt], Field(min_length=1, max_length=7, examples=[[0, 1, 2, 3, 4]])]
    country: Annotated[Text, Field(max_length=2, examples=["DE"])] = ""
    subdivision: Annotated[Text, Field(max_length=10, examples=["BE"])] = ""
    due_days: Annotated[list[StrictInt], Field(min_length=3, max_length=3, examples=[[14, 30, 90]])]


def _settings(working: WorkingDays) -> ActionItemSettings:
    return ActionItemSettings(
        weekdays=list(working.weekdays),
        country=working.country,
        subdivision=working.subdivision,
        due_days=list(working.due_days.values()),
    )


@router.get("/action-item-settings", summary="Get the working days and default due days of action items")
async def get_settings(w: Reader) -> ActionItemSettings:
    return _settings(await settings.load(w.tx))


@router.put("/action-item-settings", summary="Save the working days and default due days of action items")
async def save_settings(w: SettingsWriter, body: NewActionItemSettings) -> ActionItemSettings:
    saved = await settings.save_settings(
        w.tx, w.actor, body.weekdays, body.country, body.subdivision, body.due_days, w.now
    )
    return _settings(saved)
