"""Near misses, and their text as a document (pure, spec 11.7)."""

from dataclasses import dataclass
from datetime import datetime

from firebell.kit.errors import Invalid
from firebell.kit.text import clean_name, clean_text
from firebell.postmortems.document.factors import is_factor

TITLE_MAX_CHARS = 200
TEXT_MAX_CHARS = 10_000
FACTORS_MAX = 10
SERVICES_MAX = 20
UNNAMED = "Someone"
"""Who reported a near miss without a name."""


@dataclass(frozen=True, slots=True)
class NearMissReport:
    """What someone reports: what could have happened, which barrier held, and how severe it would have been."""

    title: str
    could_have: str
    barrier: str
    potential_severity: int
    noticed_at: datetime
    lessons: str = ""
    factors: tuple[str, ...] = ()
    service_ids: tuple[int, ...] = ()

    @property
    def body(self) -> str:
        """The report as a document."""
        parts = (
            ("What could have happened", self.could_have),
            ("What held", self.barrier),
            ("What we learn", self.lessons),
        )
        return "\n\n".join(f"## {title}\n\n{text}" if text else f"## {title}" for title, text in parts) + "\n"


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A stored near miss; without a reporter it was reported without a name, or by an API key of no person."""

    id: int
    postmortem_id: int
    report: NearMissReport
    reporter_id: int | None
    is_unnamed: bool
    state: str
    due_at: datetime
    published_at: datetime | None
    updated_at: datetime
    version: int

    @property
    def ref(self) -> str:
        """The reference, such as NM-4."""
        return f"NM-{self.id}"


def cleaned(report: NearMissReport, now: datetime) -> NearMissReport:
    """Return a report with clean texts; raise `Invalid` with a message for each field that is wrong."""
    fields: dict[str, str] = {}
    texts: dict[str, str] = {}
    for name, limit in (
        ("could_have", TEXT_MAX_CHARS),
        ("barrier", TEXT_MAX_CHARS),
        ("lessons", TEXT_MAX_CHARS),
    ):
        try:
            texts[name] = clean_text(getattr(report, name), limit, name)
        except Invalid as error:
            fields |= error.fields
    try:
        texts["title"] = clean_name(report.title, "title", limit=TITLE_MAX_CHARS)
    except Invalid as error:
        fields |= error.fields
    if not texts.get("could_have", "-"):
        fields["could_have"] = "Enter what could have happened."
    if not texts.get("barrier", "-"):
        fields["barrier"] = "Enter what prevented it, even if it was luck."
    for name in ("could_have", "barrier", "lessons"):
        if any(line.startswith("## ") for line in texts.get(name, "").split("\n")):
            fields[name] = "Use level-three headings: a level-two heading begins a section."
    if report.potential_severity not in range(4):
        fields["potential_severity"] = "Enter SEV0, SEV1, SEV2 or SEV3."
    if report.noticed_at > now:
        fields["noticed_at"] = "Enter a time in the past."
    elif report.noticed_at.year < 1990:
        fields["noticed_at"] = "Enter when it was noticed."
    if unknown := [code for code in report.factors if not is_factor(code)]:
        fields["factors"] = f"There is no factor {unknown[0]}."
    if len(report.factors) > FACTORS_MAX:
        fields["factors"] = f"Choose at most {FACTORS_MAX} factors."
    if len(report.service_ids) > SERVICES_MAX:
        fields["services"] = f"Choose at most {SERVICES_MAX} services."
    if fields:
        raise Invalid("The near miss is not complete.", fields=fields)
    return NearMissReport(
        **texts,
        potential_severity=report.potential_severity,
        noticed_at=report.noticed_at,
        factors=tuple(dict.fromkeys(report.factors)),
        service_ids=tuple(dict.fromkeys(report.service_ids)),
    )
