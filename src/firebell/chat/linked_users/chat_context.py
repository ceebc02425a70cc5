"""Who acts in a chat, and in which channel: what every handler knows besides the intent (pure)."""

from dataclasses import dataclass
from datetime import datetime

from firebell.chat.model import CHAT_LABELS, Account
from firebell.chat.users import LinkedBy
from firebell.kit import private_reader
from firebell.kit.db.events import Actor
from firebell.kit.errors import Gone
from firebell.kit.localtime import zone
from firebell.kit.restoration import is_lost
from firebell.people.model import Person, Role
from firebell.people.permissions import MANAGERS, Rights

UNLINKED_KIND = "chat"
"""The kind of actor of a user who is no one we know: they may declare and read."""


@dataclass(frozen=True, slots=True)
class ChatContext:
    """A user of a chat in a channel; `person` is their Firebell account, `incident` what the channel is for."""

    account: Account
    user: str
    user_name: str
    channel: str
    person: Person | None
    incident: int | None
    public_url: str
    how: LinkedBy = LinkedBy.NONE
    link_url: str = ""
    """Where this user links their account, empty if they are linked."""
    is_overheard: bool = False
    """Everyone in the channel sees the answer, so that it is about nothing private."""
    named_at: datetime | None = None
    """When the button or form was composed, or when what it names began; None for a command."""
    now: datetime | None = None
    """When they act; None where messages carry no `named_at`."""

    def check_known(self, began_at: datetime) -> None:
        """Raise `Gone` if the number now belongs to something that began after the message: a backup was restored.

        What begins in the future began before the clock was set back, which says nothing about the message.
        """
        if self.now is not None and began_at > self.now:
            return
        if is_lost(self.named_at, began_at):
            raise Gone("You can no longer answer this message.", hint="Open Firebell.")

    @property
    def actor(self) -> Actor:
        """The actor, whose audit entries say through which chat, user and channel they came."""
        via = {
            "via": self.account.kind,
            "account": self.account.external_id,
            "user": self.user,
            "channel": self.channel,
        }
        if self.person is None:
            label = (
                f"{self.user_name or self.user or 'Someone'} ({CHAT_LABELS[self.account.kind]}, not linked)"
            )
            return Actor(UNLINKED_KIND, label, via=via)
        person = self.person
        return Actor("person", person.name, person.id, Rights(Role(person.role)), via)

    @property
    def reader(self) -> int | None:
        """To whose private incidents reads are restricted; None for managers, who read all."""
        if self.person is None or self.is_overheard:
            return private_reader.NO_ONE
        return None if Role(self.person.role) in MANAGERS else self.person.id

    @property
    def tz(self) -> str:
        """The time zone in which times are shown."""
        return self.person.tz if self.person else "UTC"

    def at(self, instant: datetime) -> str:
        """Return an instant as the time of day, with its zone."""
        return f"{instant.astimezone(zone(self.tz)):%H:%M %Z}"

    def url(self, path: str) -> str:
        """Return the address of a page of Firebell."""
        return f"{self.public_url}{path}"

    @property
    def command_names(self) -> dict[str, str]:
        """How the workspace calls the commands."""
        settings = self.account.settings
        return {"incident": settings.incident_command, "page": settings.page_command}

    def command(self, command: str, text: str) -> str:
        """Return a command as people type it."""
        return f"{self.command_names[command]} {text}".rstrip()
