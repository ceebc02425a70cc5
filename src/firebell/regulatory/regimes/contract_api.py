"""The API of customer contracts that require a notice of incidents."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    PathId,
    ShortName,
    StrictInt,
    Text,
    TimeZone,
    problems,
)
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.regulatory import actions, store
from firebell.regulatory.model import Contract

router = api.router("clocks")

Reader = Annotated[Work, work(Verb.REGULATORY_READ)]
Writer = Annotated[Work, work(Verb.REGULATORY_WRITE)]


class ContractShown(ApiOutput):
    """A customer contract that requires a notice of incidents."""

    id: int
    customer: str
    clause: str
    amount: int
    unit: str
    starts_on: str
    max_severity: int
    tz: str
    created_at: datetime
    ended_at: datetime | None


class NewContract(ApiInput):
    """A customer contract; it applies to incidents of `max_severity` (0 to 3) and worse, from now on."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"customer": "Nordpost", "clause": "§ 7.2", "amount": 1, "unit": "hours", "tz": "Europe/Oslo"}
            ]
        }
    )

    customer: ShortName
    clause: Annotated[Text, Field(max_length=60)] = ""
    amount: Annotated[StrictInt, Field(ge=1, le=actions.MAX_AMOUNT)]
    unit: Literal["hours", "days", "business_days"] = "hours"
    starts_on: Literal["detected", "declared", "aware"] = "declared"
    max_severity: Annotated[StrictInt, Field(ge=0, le=3)] = 1
    tz: TimeZone = "UTC"


def _contract(contract: Contract) -> ContractShown:
    return ContractShown.model_validate(contract)


@router.get("/contracts", summary="List customer contracts, those that ended too")
async def list_contracts(w: Reader) -> list[ContractShown]:
    return [_contract(contract) for contract in await store.contracts(w.tx)]


@router.post("/contracts", status_code=201, summary="Add a customer contract")
async def add_contract(w: Writer, new_contract: NewContract) -> ContractShown:
    contract = await actions.add_contract(w.tx, w.actor, **new_contract.model_dump(), now=w.now)
    return _contract(contract)


@router.post("/contracts/{contract_id}/end", summary="End a customer contract", responses=problems(404))
async def end_contract(w: Writer, contract_id: PathId) -> ContractShown:
    return _contract(await actions.end_contract(w.tx, w.actor, contract_id, w.now))
