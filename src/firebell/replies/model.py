"""What other slices learn about texts that arrive."""

from dataclasses import dataclass

from firebell.channels.callbacks import TextReply


@dataclass(frozen=True, slots=True)
class PublicTextReceived:
    """A text arrived at a number that messages people outside the organization, and so is no answer to a page.

    Vonage posts what all numbers of an application receive to one address.
    """

    reply: TextReply
