"""How a message leaves the house: one file per channel, all behind one small protocol."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from firebell.alerts.model import Alert
from firebell.kit.exhaustion import is_ours


@dataclass(frozen=True, slots=True)
class Message:
    """What one person is told about one page; a notice has no page, but a note."""

    delivery_id: int
    reason: str
    person: str
    tz: str
    page_ref: str
    title: str
    note: str
    state: str
    urgency: str
    severity: int | None
    service: str
    team: str
    triggered_at: datetime
    level: int
    alerts: tuple[Alert, ...]
    runbook: str
    page_url: str
    ack_url: str

    @property
    def subject(self) -> str:
        """One line that says what it is and what is wanted."""
        if not self.page_ref:
            return self.title
        what = self.title if self.severity is None else f"SEV{self.severity}, {self.title}"
        match self.reason:
            case "alarm":
                return f"[{self.page_ref}] NOBODY HAS TAKEN THIS: {what}"
            case "reminder":
                return f"[{self.page_ref}] Still waiting: {what}"
            case _:
                return f"[{self.page_ref}] {what}"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Retry:
    """It did not arrive, and trying again makes sense, after `after_s` seconds if the provider says so."""

    reason: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It will never arrive this way; `suspect` says that the address itself is to blame."""

    reason: str
    suspect: bool = True


@dataclass(frozen=True, slots=True)
class Unsent:
    """It was not sent because of this process: neither an attempt nor the fault of the address."""

    reason: str
    after_s: float = 2


Outcome = Accepted | Retry | Failed | Unsent


def not_sent(error: Exception, reason: str) -> Retry | Unsent:
    """Return the outcome of an error before any answer came."""
    return Unsent(reason) if is_ours(error) else Retry(reason)


class Channel(Protocol):
    """Sends one message to one address; never raises for what a provider does."""

    async def send(self, address: str, message: Message, key: str) -> Outcome:
        """Send with `key` as the idempotency key and say what became of it."""
        ...
