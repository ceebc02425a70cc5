"""Parts of a service over JSON that several routes show."""

from typing import Annotated

from pydantic import Field

from firebell.catalog.model import TIERS
from firebell.kit.web.api import ApiOutput

LEAST_TIER, MOST_TIER = min(TIERS), max(TIERS)
TierNumber = Annotated[
    int | None,
    Field(
        ge=LEAST_TIER,
        le=MOST_TIER,
        description=", ".join(f"{number} {name}" for number, name in TIERS.items()),
    ),
]

EarlierNames = Annotated[
    list[str],
    Field(description="in lower case, newest last; alerts that carry one belong to the service too"),
]


class ServiceLinkShown(ApiOutput):
    """A web page about a service."""

    title: str
    url: str
