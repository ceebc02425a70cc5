"""How often one user of a chat may send commands to this process."""

from datetime import datetime, timedelta

from firebell.chat.intents.reply_model import Reply, refusal
from firebell.kit.errors import TooMany
from firebell.kit.rate_limit import SlidingWindow

COMMANDS_PER_MINUTE = 30


class CommandLimit:
    """Counts the commands of the last minute."""

    def __init__(self) -> None:
        self._commands = SlidingWindow(timedelta(minutes=1))

    def count(self, account_id: int, user: str, now: datetime) -> Reply | None:
        """Count a command of a user; return the refusal instead if there were too many."""
        name = (account_id, user)
        try:
            self._commands.check(name, COMMANDS_PER_MINUTE, now, "Too many commands.")
        except TooMany as error:
            return refusal(error)
        self._commands.count(name, now)
        return None
