"""What Opsgenie's API shows of alerts, and the results of its requests."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class IdentifierType(StrEnum):
    """What names an alert in an address."""

    ID = "id"
    TINY = "tiny"
    ALIAS = "alias"


@dataclass(frozen=True, slots=True)
class Identifier:
    """An alert as an address names it."""

    text: str
    type: IdentifierType = IdentifierType.ID


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """An alert of an integration, with what its page adds; `is_seen` once someone acknowledged it."""

    id: int
    alias: str
    message: str
    description: str
    is_open: bool
    severity: str | None
    labels: dict[str, str]
    annotations: dict[str, str]
    count: int
    created_at: datetime
    closed_at: datetime | None
    last_occurred_at: datetime
    updated_at: datetime
    page_id: int | None
    is_acknowledged: bool
    is_snoozed: bool
    is_seen: bool
    triggered_at: datetime | None
    first_ack_at: datetime | None
    snoozed_until: datetime | None
    owner: str | None


@dataclass(frozen=True, slots=True)
class RequestResult:
    """The result of a write, as `GET /v2/alerts/requests/{id}` returns it."""

    id: str
    action: str
    is_success: bool
    status: str
    processed_at: datetime
    alert_id: int | None = None
    alias: str = ""


class ApiError(Exception):
    """An error answer of the API; `errors` names the wrong fields of a 422."""

    def __init__(
        self, status: int, message: str, errors: dict[str, str] | None = None, *, code: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors or {}
        self.code = code
