"""The search and the filters of the list of post-mortems, as its address has them (pure)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

from firebell.kit.errors import Invalid
from firebell.postmortems.document.factors import is_factor

RANKED_MAX = 1_000
"""Of more matches than this only the newest are ranked."""
PAGE_SIZE = 20
TEXT_MAX_CHARS = 200
STATES = ("draft", "review", "approved", "published", "withdrawn")
YEARS = range(1970, 2200)


@dataclass(frozen=True, slots=True)
class PostmortemQuery:
    """Words and filters as typed; empty where nothing is chosen."""

    q: str = ""
    service: str = ""
    team: str = ""
    severity: str = ""
    factor: str = ""
    state: str = ""
    year: str = ""

    @property
    def shown(self) -> dict[str, str]:
        """The words and the filters that are chosen."""
        return {name: value for name, value in asdict(self).items() if value}

    @property
    def filters(self) -> dict[str, str]:
        """The filters that are chosen."""
        return {name: value for name, value in self.shown.items() if name != "q"}

    def url(self, path: str = "/post-mortems", **changed: object) -> str:
        """Return the address of this search with other values; empty ones are left out."""
        values: Mapping[str, object] = {**self.shown, **changed}
        query = urlencode({name: value for name, value in values.items() if value not in ("", None)})
        return f"{path}?{query}" if query else path


@dataclass(frozen=True, slots=True)
class PostmortemFilter:
    """A search with its names resolved; `after` is how many results come before."""

    text: str = ""
    service_id: int | None = None
    team_id: int | None = None
    severity: int | None = None
    factor: str = ""
    state: str = ""
    year: int | None = None
    after: int = 0


def severity_of(text: str) -> int | None:
    """Return the number of `SEV1`, `sev1` or `1`, None for an empty text; raise `Invalid` for another one."""
    if not text:
        return None
    number = text.strip().upper().removeprefix("SEV")
    if number not in ("0", "1", "2", "3"):
        raise Invalid("There is no such severity.", fields={"severity": "Enter SEV0, SEV1, SEV2 or SEV3."})
    return int(number)


def year_of(text: str) -> int | None:
    """Return a year, None for an empty text; raise `Invalid` for another one."""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) == 4 and int(text) in YEARS):
        raise Invalid("There is no such year.", fields={"year": "Enter a year, such as 2026."})
    return int(text)


def factor_of(text: str) -> str:
    """Return the code of a factor; raise `Invalid` for one that does not exist."""
    if text and not is_factor(text):
        raise Invalid(
            "There is no such factor.", fields={"factor": "Enter the code of a factor, such as latent.guard."}
        )
    return text


def state_of(text: str) -> str:
    """Return the state of a document; raise `Invalid` for one that does not exist."""
    if text and text not in STATES:
        raise Invalid("There is no such state.", fields={"state": f"Enter one of {', '.join(STATES)}."})
    return text
