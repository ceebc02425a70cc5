"""The interface of a provider of text messages and calls: what it sends, and its outcomes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from firebell.channels.base import Accepted, ContentRefused, Failed, Retry, Unsent
from firebell.channels.phone.voice_script import Script

PAGE_VALIDITY_S = 300
"""How long a provider may keep a page: after that it is tried by another way."""


@dataclass(frozen=True, slots=True)
class ProviderMessage:
    """One text message or call to a number in its stored form; `key` is the same for a repetition."""

    number: str
    key: str
    delivery_id: int
    at: datetime
    text: str = ""
    script: Script | None = None
    validity_s: int = PAGE_VALIDITY_S
    """How long the provider may keep a text message that it cannot send yet, 4 hours at most."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request was sent, and no answer came: the message may have arrived."""

    reason: str


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """The provider refuses the account, its key or its sender: no other message would be accepted."""

    reason: str


@dataclass(frozen=True, slots=True)
class Paused:
    """The provider takes nothing for longer than a message can wait."""

    reason: str
    seconds: float


ProviderOutcome = Accepted | Retry | Unsent | Unknown | Failed | ContentRefused | Misconfigured | Paused


class Provider(Protocol):
    """Sends text messages, or places calls; never raises for what the provider does."""

    name: str

    async def send(self, order: ProviderMessage) -> ProviderOutcome:
        """Send one message and return the outcome."""
        ...

    async def lookup(self, order: ProviderMessage, since: datetime) -> Accepted | None:
        """Return the message if the provider took it since an instant; None if that is not certain.

        A message that is sent twice is better than one that is taken for another, and never sent.
        """
        ...
