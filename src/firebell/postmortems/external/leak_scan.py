"""What must not stand in a version for customers (pure, spec 11.7): while it does, nothing is published."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from firebell.postmortems.blameless.pattern_parts import words


class LeakKind(StrEnum):
    """What a passage gives away."""

    NAME = "name"
    HANDLE = "handle"
    EMAIL = "email"
    ADDRESS = "address"
    HOST = "host"
    URL = "url"
    CUSTOMER = "customer"
    SECRET = "secret"  # noqa: S105 - a kind of leak
    REFERENCE = "reference"
    EVIDENCE = "evidence"
    INTERNAL = "internal"


MEANINGS: Mapping[LeakKind, tuple[str, str]] = {
    LeakKind.NAME: ("is the name of a colleague", "Say what was done, not who did it."),
    LeakKind.HANDLE: ("is a handle", "Leave it out."),
    LeakKind.EMAIL: ("is an email address", "Leave it out."),
    LeakKind.ADDRESS: ("is a private network address", "Say “one of our systems”."),
    LeakKind.HOST: ("is an internal host", "Say “a server” or “a database”."),
    LeakKind.URL: ("is an internal address or a ticket", "Leave it out."),
    LeakKind.CUSTOMER: ("is a customer who is not named in public", "Say “some customers”."),
    LeakKind.SECRET: ("looks like a secret", "Remove it, and revoke it if anyone has read it."),
    LeakKind.REFERENCE: ("is an internal reference number", "Leave it out."),
    LeakKind.EVIDENCE: ("is a reference to internal evidence", "Leave it out."),
    LeakKind.INTERNAL: (
        "opens or closes an internal passage without the other marker",
        "Add the other marker, or remove this one.",
    ),
}


@dataclass(frozen=True, slots=True)
class Leak:
    """A passage that gives something away; `start` and `end` are characters of the text, `line` counts from 1."""

    kind: LeakKind
    start: int
    end: int
    line: int
    quote: str

    @property
    def text(self) -> str:
        """What is wrong, in one sentence."""
        return f"“{self.quote}” {MEANINGS[self.kind][0]}."

    @property
    def advice(self) -> str:
        """What to do."""
        return MEANINGS[self.kind][1]


@dataclass(frozen=True, slots=True)
class LeakTerms:
    """What the organization does not say in public; names are those of everyone who has an account or had one."""

    names: frozenset[str] = frozenset()
    handles: frozenset[str] = frozenset()
    """The local parts of their email addresses."""
    customers: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    """Domains whose hosts are internal."""
    own_hosts: frozenset[str] = frozenset()
    """The host of this Firebell."""


_Spans = Iterator[tuple[int, int]]
QUOTE_MAX_CHARS = 80
LEAKS_MAX = 200
_PASSAGE = (
    re.compile(r"(?:(?<![ \t])[ \t]+)?<!-- *internal *-->", re.IGNORECASE),
    re.compile(r"<!-- */internal *-->[ \t]*", re.IGNORECASE),
)
_MARK = re.compile(r"<!-- */?internal *-->", re.IGNORECASE)
_COMMENT = (re.compile("<!--"), re.compile("-->"))
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}\b")
_HANDLE = re.compile(r"(?<![\w./@+-])@[A-Za-z][\w.-]{0,38}(?<![.-])(?![\w/]|@)")
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
_URL = re.compile(r"\bhttps?://[^\s<>\"')\]]{1,2000}", re.IGNORECASE)
_HOST = re.compile(r"(?<![\w.@/-])(?:[A-Za-z0-9_](?:[\w-]{0,61}[A-Za-z0-9])?\.){1,10}[A-Za-z]{2,24}(?![\w-])")
_LAST_LABELS = frozenset(
    [
        "internal",
        "local",
        "lan",
        "corp",
        "intra",
        "intranet",
        "localdomain",
        "home",
        "svc",
        "cluster",
        "private",
    ]
)
_NUMBERED_HOST = re.compile(r"(?<![\w.-])[a-z][a-z0-9]{1,30}(?:-[a-z0-9]{1,30}){0,5}-\d{1,4}(?![\w-])")
_PUBLIC_WORDS = (
    "covid-",
    "utf-",
    "sha-",
    "aes-",
    "iso-",
    "gpt-",
    "version-",
    "top-",
    "tls-",
    "http-",
    "rfc-",
)
_REGION = re.compile(
    r"(?:us|eu|ap|sa|ca|me|af|il|cn|mx|asia|europe|northamerica|southamerica|australia|africa)-[a-z]{2,20}-?\d"
)
_REFERENCE = re.compile(r"(?<![\w-])(?:INC|ACT|PG|RUN|NM|PM|DRILL)-\d{1,12}\b", re.IGNORECASE)
_EVIDENCE = re.compile(r"\[(?:[tpacs]:\d{1,18}|r:\d{1,18}\.\d{1,4})\]")
_TICKET_HOSTS = re.compile(
    r"(?:^|\.)(?:atlassian\.net|atlassian\.com|jira\.[\w.-]+|linear\.app|service-now\.com|youtrack\.cloud|zendesk\.com"
    r"|pagerduty\.com|opsgenie\.com|slack\.com|grafana\.net|datadoghq\.(?:com|eu)|sentry\.io|app\.asana\.com"
    r"|trello\.com|monday\.com|notion\.so)$",
    re.IGNORECASE,
)
_TICKET_PATH = re.compile(
    r"/(?:browse/[A-Z][A-Z0-9_]+-\d+|issues?/\d+|-/issues/\d+|tickets?/\d+)", re.IGNORECASE
)
_SECRET = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY"
    r"|(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9])"
    r"|(?<![A-Za-z0-9_])(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|xapp-|sk_live_|rk_live_|sk-|fb_)"
    r"[A-Za-z0-9_-]{16,255}"
    r"|(?<![\w-])eyJ[\w-]{8,2000}\.[\w-]{8,2000}\."
    r"|\b[Bb]earer {1,4}[\w.~+/-]{16,400}"
    r"|(?<=://)[^\s/@:'\"]{1,256}:[^\s/@'\"]{1,400}(?=@)"
    r"|\b(?:password|passwd|secret|api[ _-]?key|token) ?[:=] ?[^\s]{4,200}"
)
_ORDINARY = words(
    """
    will mark may june april august grace hope faith joy rose dawn summer autumn frank bill rob sue pat
    art page chase grant hunter mason miles max ray dean drew guy jack jay skip victor penny ivy iris
    ruby amber crystal sky star king young long short white black brown green gray grey banks best bond
    bush cash church cook cross day fields fox francis hall hill house lane law little love moon moore
    north park parks pool power price reed rich rivers rush shields small stone strong sun walker wall
    wells west wise wood woods port root case line data test support service team admin operator user
    """
)
"""Words that are names too: alone they are no leak."""
_WORD_MIN_CHARS = 3


def public_text(text: str) -> str:
    """Return a text as it is published: without internal passages and without comments."""
    for opening, closing in (_PASSAGE, _COMMENT):
        parts, at = [], 0
        for start, end in _between(text, opening, closing):
            parts.append(text[at:start])
            at = end
        text = "".join([*parts, text[at:]])
    return text.strip() + "\n"


def scan(text: str, terms: LeakTerms) -> list[Leak]:
    """Return what the public part of a text gives away, in the order of its place, at most 200.

    Passages between `<!-- internal -->` and `<!-- /internal -->` are dropped when it is published, so they count for
    nothing; places are those of the whole text. A passage is listed once, under the first kind that fits.
    """
    hidden = _masked(text, _between(text, *_PASSAGE))
    spans: dict[tuple[int, int], LeakKind] = {}
    is_listed = bytearray(len(text))
    for kind, find in _RULES:
        for start, end in find(hidden, terms):
            if not any(is_listed[start:end]):
                spans[start, end] = kind
                is_listed[start:end] = b"\1" * (end - start)
    return [
        Leak(kind, start, end, text.count("\n", 0, start) + 1, _quote(text[start:end]))
        for (start, end), kind in sorted(spans.items())[:LEAKS_MAX]
    ]


def _between(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> _Spans:
    """Yield each span from an opening to the next closing, in linear time where one pattern with `.*?` is quadratic."""
    at = 0
    while (first := opening.search(text, at)) and (last := closing.search(text, first.end())):
        at = last.end()
        yield first.start(), at


def _masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return a text of the same length whose spans are blank."""
    for start, end in spans:
        blank = "".join("\n" if char == "\n" else " " for char in text[start:end])
        text = f"{text[:start]}{blank}{text[end:]}"
    return text


def _quote(text: str) -> str:
    quote = " ".join(text.split())
    return quote if len(quote) <= QUOTE_MAX_CHARS else f"{quote[: QUOTE_MAX_CHARS - 1]}…"


def _matches(pattern: re.Pattern[str]) -> Callable[[str, LeakTerms], _Spans]:
    return lambda text, _: (match.span() for match in pattern.finditer(text))


def _urls(text: str, terms: LeakTerms) -> _Spans:
    for match in _URL.finditer(text):
        try:
            url = urlsplit(match[0])
            host = (url.hostname or "").lower()
        except ValueError:
            yield match.span()
            continue
        if (
            _is_internal(host, terms)
            or _TICKET_HOSTS.search(host)
            or _TICKET_PATH.search(url.path)
            or "." not in host
        ):
            yield match.span()


def _hosts(text: str, terms: LeakTerms) -> _Spans:
    for match in _HOST.finditer(text):
        if _is_internal(match[0].lower(), terms):
            yield match.span()
    for match in _NUMBERED_HOST.finditer(text):
        name = match[0]
        number = name.rpartition("-")[2]
        is_word = _REGION.match(name) or name.startswith(_PUBLIC_WORDS)
        if not is_word and (name.count("-") > 1 or len(number) > 1):
            yield match.span()


def _is_internal(host: str, terms: LeakTerms) -> bool:
    host = host.rstrip(".")
    if host in terms.own_hosts or host.rpartition(".")[2] in _LAST_LABELS or _is_private_ip(host):
        return True
    return any(host == domain or host.endswith(f".{domain}") for domain in map(str.lower, terms.domains))


def _is_private_ip(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    shared = isinstance(address, ipaddress.IPv4Address) and address in ipaddress.ip_network("100.64.0.0/10")
    return address.is_private or address.is_link_local or address.is_loopback or shared


def _addresses(text: str, _: LeakTerms) -> _Spans:
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            if _is_private_ip(match[0]):
                yield match.span()


def _handles(text: str, terms: LeakTerms) -> _Spans:
    yield from (match.span() for match in _HANDLE.finditer(text))
    telling = sorted(handle for handle in terms.handles if re.search(r"[\d._-]", handle) and len(handle) > 2)
    yield from _terms(text, telling, re.IGNORECASE)


def _names(text: str, terms: LeakTerms) -> _Spans:
    """Yield full names in any case, and first and last names alone unless they are ordinary words too."""
    yield from _terms(text, sorted(name for name in terms.names if " " in name.strip()), re.IGNORECASE)
    parts = {
        part
        for name in terms.names
        for part in name.split()
        if len(part) >= _WORD_MIN_CHARS and part[0].isupper() and part.casefold() not in _ORDINARY
    }
    yield from _terms(text, sorted(parts), re.NOFLAG)


def _customers(text: str, terms: LeakTerms) -> _Spans:
    return _terms(text, sorted(terms.customers), re.IGNORECASE)


def _terms(text: str, terms: Sequence[str], flags: re.RegexFlag) -> _Spans:
    """Yield where terms stand as whole words, whatever blanks are within them; the longest one wins."""
    cleaned = sorted(
        {" ".join(term.split()) for term in terms if term.strip()}, key=lambda term: (-len(term), term)
    )
    if not cleaned:
        return
    alternatives = "|".join(re.escape(term).replace(r"\ ", r"\s+") for term in cleaned)
    for match in re.finditer(rf"(?<!\w)(?:{alternatives})(?!\w)", text, flags):
        yield match.span()


_RULES: tuple[tuple[LeakKind, Callable[[str, LeakTerms], _Spans]], ...] = (
    (LeakKind.SECRET, _matches(_SECRET)),
    (LeakKind.INTERNAL, _matches(_MARK)),
    (LeakKind.EMAIL, _matches(_EMAIL)),
    (LeakKind.URL, _urls),
    (LeakKind.ADDRESS, _addresses),
    (LeakKind.HOST, _hosts),
    (LeakKind.REFERENCE, _matches(_REFERENCE)),
    (LeakKind.EVIDENCE, _matches(_EVIDENCE)),
    (LeakKind.CUSTOMER, _customers),
    (LeakKind.HANDLE, _handles),
    (LeakKind.NAME, _names),
)
