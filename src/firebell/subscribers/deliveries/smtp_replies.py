"""What an answer of a mail server means (pure)."""

import re
from dataclasses import dataclass
from enum import StrEnum

ENHANCED_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
"""An enhanced status code such as 5.1.1 (RFC 3463): its class, subject and detail. Subject 1 is the address."""


class Failure(StrEnum):
    """Why a mail did not arrive: the address does not exist, the server refused it, or it failed for now."""

    ADDRESS = "address"
    REFUSED = "refused"
    TEMPORARY = "temporary"


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """An answer of a mail server; `is_about_relay` if it came before the recipient was named."""

    code: int
    text: str
    is_about_relay: bool = False

    @property
    def is_accepted(self) -> bool:
        """True if the server takes care of the mail from now on."""
        return 200 <= self.code < 300

    @property
    def slows_down(self) -> bool:
        """True if the server asks to be sent less: 421, 450 to 459."""
        return self.code == 421 or 450 <= self.code < 460

    @property
    def failure(self) -> Failure | None:
        """Why the mail was not accepted, None if it was."""
        if self.is_accepted:
            return None
        if self.code < 500 or self.is_about_relay:
            return Failure.TEMPORARY
        enhanced = ENHANCED_STATUS.search(self.text)
        return Failure.ADDRESS if enhanced and enhanced[2] == "1" else Failure.REFUSED
