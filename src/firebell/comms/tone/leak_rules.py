"""What must not leave the organization: open slots, secrets, names of people, and internal names (pure)."""

import re
from collections.abc import Iterator

from firebell.comms.tone.model import ToneContext, ToneFinding, ToneLevel

SUBJECT_MAX_CHARS = 150
_SLOT = re.compile(r"\{\{\w{1,60}\}\}")
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY"
    r"|(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9])"
    r"|(?<![A-Za-z0-9_])(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|xapp-|sk_live_|rk_live_|sk-|fb_)"
    r"[A-Za-z0-9_-]{16,255}"
    r"|(?<![\w-])eyJ[\w-]{8,2000}\.[\w-]{8,2000}\."
    r"|\b[Bb]earer {1,4}[\w.~+/-]{16,400}"
    r"|\b(?:password|passwd|secret|api[ _-]?key|token) ?[:=] ?[^\s]{4,200}",
)
_DIGITS = re.compile(r"(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])")
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_HANDLE = re.compile(r"(?<![\w@.])@([\w.-]{1,60})")
_ADDRESS = re.compile(
    r"(?<![\d.])(?:10\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d{1,3}\.?\d{0,3}(?![\d])"
    r"|(?<![\w.-])(?:[\w-]{1,63}\.){1,8}(?:internal|local|corp|lan|intra|localdomain|svc|svc\.cluster\.local)\b",
    re.IGNORECASE,
)
_TICKET_OR_ERROR_CODE = re.compile(r"(?<![\w-])(?!(?:ISO|RFC|UTF|SHA|AES|GPT|COVID)-)[A-Z]{2,10}-\d{1,7}\b")
_ERROR_NAME = re.compile(
    r"\b[A-Z][A-Za-z]{1,60}(?:Exception|Error)\b|\bERR_[A-Z_]{2,60}\b|\b0x[0-9a-fA-F]{4,16}\b|\bE[A-Z]{5,12}\b(?=:)"
)
_BUILD = re.compile(r"\b(?:build|commit|revision|changeset) #?[0-9a-f]{3,40}\b", re.IGNORECASE)
_COMMIT = re.compile(r"(?<![\w-])(?=[0-9a-f]{0,39}\d)(?=[0-9a-f]{0,39}[a-f])[0-9a-f]{7,40}(?![\w-])")
_HOST = re.compile(r"(?<![\w-])[a-z][a-z0-9]{0,30}(?:-[a-z0-9]{1,30}){0,5}-\d{1,4}(?![\w-])")
_REGION = re.compile(
    r"(?:us|eu|ap|sa|ca|me|af|il|cn|mx|asia|europe|northamerica|southamerica|australia|africa)-[a-z]{2,20}-?\d"
)
_PUBLIC_PREFIXES = ("covid-", "utf-", "sha-", "aes-", "iso-", "gpt-", "version-", "top-")
NAME_MAX_WORDS = 4


def slots(text: str, context: ToneContext) -> Iterator[ToneFinding]:
    """Yield W-SLOT for what is not filled in, and W-SUBJECT for a subject that mail cannot carry."""
    if not text.strip():
        yield ToneFinding(
            "W-SLOT", ToneLevel.BLOCK, 0, 0, "The text is empty.", "Write what readers should know."
        )
    for match in _SLOT.finditer(text):
        yield ToneFinding(
            "W-SLOT",
            ToneLevel.BLOCK,
            *match.span(),
            f"{match[0]} isn’t filled in.",
            "Fill it in or remove it.",
        )
    subject = context.subject
    if subject is not None and (
        not subject.strip() or len(subject) > SUBJECT_MAX_CHARS or "\r" in subject or "\n" in subject
    ):
        yield ToneFinding(
            "W-SUBJECT",
            ToneLevel.BLOCK,
            0,
            0,
            "The subject can’t be sent.",
            f"Use one line of at most {SUBJECT_MAX_CHARS} characters.",
        )


def _passes_luhn(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def secrets(text: str, context: ToneContext) -> Iterator[ToneFinding]:
    """Yield W-SECRET for keys, tokens, private keys and card numbers."""
    message, advice = "This looks like a secret.", "Remove it, and revoke it if anyone has read it."
    for match in _SECRET.finditer(text):
        yield ToneFinding("W-SECRET", ToneLevel.BLOCK, *match.span(), message, advice)
    for match in _DIGITS.finditer(text):
        digits = "".join(char for char in match[0] if char.isascii() and char.isdigit())
        if len(digits) >= 13 and _passes_luhn(digits) and len(set(digits)) > 1:
            yield ToneFinding(
                "W-SECRET", ToneLevel.BLOCK, *match.span(), "This looks like a card number.", "Remove it."
            )


def names(text: str, context: ToneContext) -> Iterator[ToneFinding]:
    """Yield W-NAME for the full name of a person who is known, and for a handle."""
    advice = "Say what is being done, not by whom."
    known = {name.casefold() for name in context.names if " " in name.strip()}
    first_words = {name.partition(" ")[0] for name in known}
    tokens = (
        [(match.start(), match.end(), match[0].casefold()) for match in _WORD.finditer(text)] if known else []
    )
    for first, (start, _, name) in enumerate(tokens):
        if name not in first_words:
            continue
        for _, end, word in tokens[first + 1 : first + NAME_MAX_WORDS]:
            name = f"{name} {word}"
            if name in known:
                message = f"“{text[start:end]}” is a colleague."
                yield ToneFinding("W-NAME", ToneLevel.ERROR, start, end, message, advice)
    handles = {handle.casefold() for handle in context.handles}
    for match in _HANDLE.finditer(text):
        if match[1].rstrip(".").casefold() in handles:
            yield ToneFinding(
                "W-NAME", ToneLevel.ERROR, *match.span(), f"“{match[0]}” is a colleague.", advice
            )


def internal_names(text: str, context: ToneContext) -> Iterator[ToneFinding]:
    """Yield W-INTERNAL for hosts, addresses, error codes, builds, references and names of services."""
    allowed = {name.casefold() for name in context.allowed}
    terms = {term.casefold() for term in context.internal_terms} - allowed
    spans: dict[tuple[int, int], str] = {}
    for pattern, advice in (
        (_ADDRESS, "Say “a system of ours”."),
        (_TICKET_OR_ERROR_CODE, "Say what customers notice."),
        (_ERROR_NAME, "Say what customers notice."),
        (_BUILD, "Say “a change of ours”."),
        (_COMMIT, "Say “a change of ours”."),
    ):
        for match in pattern.finditer(text):
            spans.setdefault(match.span(), advice)
    for match in _HOST.finditer(text):
        if _is_host(match[0]):
            spans.setdefault(match.span(), "Say “a server” or “a database”.")
    for match in _WORD.finditer(text):
        word = match[0].casefold()
        if word in terms and not word.isalpha():
            spans.setdefault(match.span(), "Use the name that customers know.")
    for (start, end), advice in sorted(spans.items()):
        term = text[start:end]
        if term.casefold() not in allowed:
            yield ToneFinding(
                "W-INTERNAL", ToneLevel.ERROR, start, end, f"“{term}” means nothing to customers.", advice
            )


def _is_host(name: str) -> bool:
    """Return True for db-03 and checkout-db-3; False for regions of clouds, and for words such as covid-19."""
    if _REGION.match(name) or name.startswith(_PUBLIC_PREFIXES):
        return False
    number = name.rpartition("-")[2]
    return name.count("-") > 1 or len(number) > 1
