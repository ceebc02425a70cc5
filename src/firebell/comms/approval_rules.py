"""Who approves a post before it is sent, and what silence means: rules as data, decided here (pure; spec 7.14)."""

import hashlib
import json
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from firebell.comms.model import Approval, ApproverAnswer, PostContent
from firebell.comms.tone.model import ReaderKind
from firebell.comms.tone.sentences import sentences


class Occasion(StrEnum):
    """What about a post a rule can match."""

    LATER_UPDATE = "later_update"
    CUSTOMER_MAIL = "customer_mail"
    CLAIM = "claim"
    SECURITY = "security"
    PERSONAL_DATA = "personal_data"


OCCASION_LABELS = {
    Occasion.LATER_UPDATE: "a public update after the first one",
    Occasion.CUSTOMER_MAIL: "an email to customers",
    Occasion.CLAIM: "a sentence that names a cause, a vendor or a number of customers",
    Occasion.SECURITY: "a security incident",
    Occasion.PERSONAL_DATA: "an incident about personal data",
}


class Silence(StrEnum):
    """What happens when no one answers in time."""

    SEND = "send"
    SEND_WITHOUT_CLAIMS = "send_without_claims"
    HOLD = "hold"


SILENCE_LABELS = {
    Silence.SEND: "It is sent",
    Silence.SEND_WITHOUT_CLAIMS: "It is sent without that sentence",
    Silence.HOLD: "Nothing is sent",
}

ROLE_LABELS = {
    "commander": "the commander",
    "communications": "communications",
    "support": "support",
    "executives": "an executive",
    "legal": "legal",
    "security": "security",
    "managers": "an engineering manager",
}
"""Who can be asked: the commander of the incident, or a group of the response by severity."""
MAX_MINUTES = 24 * 60
STRIPPED_SUBJECT = "Update about an incident"
"""The subject of an email if nothing is left of what its author wrote without an approval."""


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """A rule: any of the occasions at one of these severities asks every one of these roles.

    Silence counts after `minutes`; a rule that holds waits without limit.
    """

    id: str
    occasions: frozenset[Occasion]
    severities: frozenset[int]
    roles: tuple[str, ...]
    silence: Silence
    minutes: int = 0
    enabled: bool = True


DEFAULT_RULES = (
    ApprovalRule(
        "facts",
        frozenset({Occasion.LATER_UPDATE, Occasion.CUSTOMER_MAIL}),
        frozenset({0, 1}),
        ("commander",),
        Silence.SEND,
        5,
    ),
    ApprovalRule(
        "claims",
        frozenset({Occasion.CLAIM}),
        frozenset({0, 1}),
        ("commander", "support"),
        Silence.SEND_WITHOUT_CLAIMS,
        10,
    ),
    ApprovalRule(
        "protected",
        frozenset({Occasion.SECURITY, Occasion.PERSONAL_DATA}),
        frozenset({0, 1, 2, 3}),
        ("legal", "executives"),
        Silence.HOLD,
    ),
)
"""The rules of an organization that changed none."""

_GAP = r"(?:[^\S\n]{1,9}|[^\S\n]{0,9}\n[^\S\n]{0,9})"
"""The gap between two words of a paragraph, which may include a line break."""


def _pattern(words: str) -> re.Pattern[str]:
    """Return a case-insensitive pattern in which each space matches a gap."""
    return re.compile(words.replace(" ", _GAP), re.IGNORECASE)


# includes the next word, so that a cause on the next line belongs to the claim
_CAUSE = _pattern(
    r"\b(?:caused by|because of|due to|the (?:root )?cause (?:was|is)|as a result of|was triggered by)\b(?: \w{1,60})?"
)
_CUSTOMERS = _pattern(
    r"\b\d[\d.,]{0,12} ?(?:%|percent|k|million)?(?: (?:of|our|all|affected)){0,2}"
    r" (?:customers?|users?|accounts?|merchants?|people)\b"
    r"|\bone in \w{2,12} (?:customers|users)\b|\b1 in \d{1,6} (?:customers|users)\b"
)


def claims(text: str, vendors: frozenset[str]) -> list[str]:
    """Return the sentences that name a cause, a vendor or a number of customers, even across line breaks."""
    names = [_pattern(rf"(?<!\w){_escaped(name)}(?!\w)") for name in sorted(vendors) if name.strip()]
    spans = [match.span() for pattern in (_CAUSE, _CUSTOMERS, *names) for match in pattern.finditer(text)]
    begins = sorted(first for first, _ in spans)
    inside = {place for first, last in spans for place in range(first + 1, last)}
    claimed: list[tuple[int, int]] = []
    for part in sentences(text):
        start, end = part.start, part.start + len(part.text)
        if start in inside:
            claimed[-1] = (claimed[-1][0], end)
        elif bisect_left(begins, start) < bisect_left(begins, end):
            claimed.append((start, end))
    return [text[start:end].strip() for start, end in claimed]


def _escaped(name: str) -> str:
    """Return a name escaped for a pattern, with single spaces."""
    return " ".join(re.escape(word) for word in name.split())


def claims_for(content: PostContent, reader: ReaderKind, title: str, vendors: frozenset[str]) -> list[str]:
    """Return the claims in what a reader gets: the text, and for customers the subject of their email."""
    named = claims(content.body(reader), vendors)
    if reader is ReaderKind.CUSTOMER:
        named += claims(content.subject(title), vendors)
    return named


def without(text: str, removed: Sequence[str]) -> str:
    """Return a text without these sentences; an empty text if nothing is left."""
    for sentence in removed:
        text = text.replace(sentence, "")
    return re.sub(r" {2,}", " ", text).strip()


def subject_without_claims(content: PostContent, title: str, vendors: frozenset[str]) -> str:
    """Return the subject of an email to customers whose claims no one approved.

    It is what is left of the subject or else of the headline. The title of the incident, which was not written for
    customers, replaces neither.
    """
    written = [line for line in (content.mail_subject, content.headline) if line] or [title]
    remaining = (without(line, claims(line, vendors)) for line in written)
    return next(filter(None, remaining), STRIPPED_SUBJECT)


def content_hash(content: PostContent) -> str:
    """Return the hash of all that readers get, to which an approval is bound."""
    fields = {
        "bodies": {str(reader): text for reader, text in content.bodies.items()},
        "headline": content.headline,
        "stage": content.stage,
        "statuses": {str(component): code for component, code in content.statuses.items()},
        "targets": sorted(content.targets),
        "eta_at": content.eta_at.isoformat() if content.eta_at else None,
        "translations": dict(content.translations),
        "mail_subject": content.mail_subject,
        "is_quiet": content.is_quiet,
    }
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def matching(
    rules: Sequence[ApprovalRule], occasions: frozenset[Occasion], severity: int
) -> list[ApprovalRule]:
    """Return the enabled rules that ask for an approval."""
    return [r for r in rules if r.enabled and severity in r.severities and r.occasions & occasions]


def due_at(rule: ApprovalRule, now: datetime) -> datetime | None:
    """Return when silence counts as an answer; never for a rule that holds."""
    return None if rule.silence is Silence.HOLD else now + timedelta(minutes=rule.minutes)


class ApprovalOutcome(StrEnum):
    """What a decision means."""

    PUBLISH = "publish"
    WAIT = "wait"
    PUBLISH_STRIPPED = "publish_stripped"
    BLOCKED = "blocked"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class ApprovalDecision:
    """What happens to a post now; `until` is when waiting ends, `sentences` are left out of what is sent."""

    outcome: ApprovalOutcome
    until: datetime | None = None
    sentences: tuple[str, ...] = ()


def decide(
    rules: Mapping[str, ApprovalRule],
    approvals: Sequence[Approval],
    body_sha256: str,
    author_id: int | None,
    claimed: Sequence[str],
    now: datetime,
) -> ApprovalDecision:
    """Decide what happens to a post. An answer counts if it is about exactly this text, and not the author's own.

    `claimed` are the sentences that are left out if no one approves them.
    """
    until: datetime | None = None
    is_blocked, stripped = False, False
    for approval in approvals:
        is_valid = approval.answered_sha256 == body_sha256 and approval.answered_by != author_id
        if approval.answer is ApproverAnswer.CHANGES and is_valid:
            return ApprovalDecision(ApprovalOutcome.RETURNED)
        if approval.answer is ApproverAnswer.APPROVED and is_valid:
            continue
        if approval.due_at is None:
            is_blocked = True
        elif approval.due_at > now:
            until = max(until or approval.due_at, approval.due_at)
        elif rules[approval.rule].silence is Silence.SEND_WITHOUT_CLAIMS:
            stripped = True
    if is_blocked:
        return ApprovalDecision(ApprovalOutcome.BLOCKED)
    if until is not None:
        return ApprovalDecision(ApprovalOutcome.WAIT, until)
    if stripped:
        return ApprovalDecision(ApprovalOutcome.PUBLISH_STRIPPED, sentences=tuple(claimed))
    return ApprovalDecision(ApprovalOutcome.PUBLISH)


def occasions(
    content: PostContent,
    readers: frozenset[ReaderKind],
    incident_type: str,
    *,
    title: str,
    is_first: bool,
    vendors: frozenset[str],
) -> frozenset[Occasion]:
    """Return what about a post asks for approval. What only colleagues read asks no one, nor does the first update."""
    outside = readers - {ReaderKind.INTERNAL}
    if not outside:
        return frozenset()
    matched = set()
    if incident_type == "security":
        matched.add(Occasion.SECURITY)
    if incident_type == "data_protection":
        matched.add(Occasion.PERSONAL_DATA)
    if ReaderKind.CUSTOMER in outside:
        matched.add(Occasion.CUSTOMER_MAIL)
    if ReaderKind.PUBLIC in outside and not is_first:
        matched.add(Occasion.LATER_UPDATE)
    is_claim = any(claims_for(content, reader, title, vendors) for reader in outside)
    if is_claim and matched & {Occasion.LATER_UPDATE, Occasion.CUSTOMER_MAIL}:
        matched.add(Occasion.CLAIM)
    return frozenset(matched)
