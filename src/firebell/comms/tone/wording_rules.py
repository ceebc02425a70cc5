"""Words that hide, blame, promise too much, or mean nothing to customers (pure, English)."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from firebell.comms.tone.model import ToneContext, ToneFinding, ToneLevel
from firebell.comms.tone.sentences import Sentence


@dataclass(frozen=True, slots=True)
class PhraseRule:
    """A rule about phrases: each match in a sentence is a finding unless `exempts` says otherwise.

    No text without one of the words of `needs` matches.
    """

    code: str
    level: ToneLevel
    needs: frozenset[str]
    pattern: re.Pattern[str]
    message: str
    suggestion: str
    exempts: Callable[[Sentence, re.Match[str], ToneContext], bool] = lambda sentence, match, context: False


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def _needs(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _says_how_many(sentence: Sentence, match: re.Match[str], context: ToneContext) -> bool:
    return sentence.has_number


def _is_conditional(sentence: Sentence, match: re.Match[str], context: ToneContext) -> bool:
    return sentence.condition_at < match.start()


def _is_true_or_conditional(sentence: Sentence, match: re.Match[str], context: ToneContext) -> bool:
    return context.is_final or sentence.condition_at < match.start()


def _is_checked(sentence: Sentence, match: re.Match[str], context: ToneContext) -> bool:
    return context.data_checked


def _is_published(sentence: Sentence, match: re.Match[str], context: ToneContext) -> bool:
    return context.postmortem_published


_QUANTITY = _pattern(
    r"\b(?:a|an|only a) (?:very )?(?:small|limited|tiny|minor) "
    r"(?:number|subset|percentage|portion|fraction|group|amount|set)\b"
)
_PEOPLE = r"(?:(?:of )?(?:our |the )?(?:users|customers|people|merchants|clients|visitors|requests))"

_JARGON = _needs(
    "pod pods pool pools replica replicas p50 p90 p95 p99 4xx 5xx latency latencies shard shards node nodes cluster"
    " clusters backend backends back failover failovers failed"
)

PHRASES = (
    PhraseRule(
        "W-HEDGE",
        ToneLevel.WARNING,
        _needs("inconvenience inconveniences"),
        _pattern(r"\b(?:any )?inconveniences?\b"),
        "This plays down what readers lost.",
        "Say what you are sorry for, such as “that payments failed”.",
    ),
    PhraseRule(
        "W-HEDGE",
        ToneLevel.WARNING,
        _needs("may might could"),
        _pattern(rf"\b(?:some|certain|a few) {_PEOPLE} (?:may|might|could)\b"),
        "Readers can’t tell whether they are affected.",
        "Say who is affected and how many.",
        _says_how_many,
    ),
    PhraseRule(
        "W-HEDGE",
        ToneLevel.WARNING,
        _needs("small limited tiny minor"),
        _QUANTITY,
        "“Small” is not a number.",
        "Say how many, such as “about 40”.",
        _says_how_many,
    ),
    PhraseRule(
        "W-VAGUE",
        ToneLevel.WARNING,
        _needs("issue issues glitch glitches hiccup hiccups technical unexpected"),
        _pattern(
            r"\b(?:issues?|glitch(?:es)?|hiccups?|technical (?:difficulty|difficulties|problems?)"
            r"|unexpected (?:problems?|errors?|behaviou?r))\b"
        ),
        "This says nothing about what happens.",
        "Say what fails, such as “card payments fail”.",
    ),
    PhraseRule(
        "W-FIXED",
        ToneLevel.ERROR,
        _needs("fixed resolved solved over"),
        _pattern(
            r"\b(?:is|are|has been|have been)(?: now| already| fully| completely){0,2} "
            r"(?:fixed|resolved|solved|over(?! (?:\d|the|an?|capacity|half|its|their)\b|\w))"
        ),
        "It isn’t over before the stage is resolved.",
        "Say what works again and since when, and that you watch it.",
        _is_true_or_conditional,
    ),
    PhraseRule(
        "W-ABSOLUTE",
        ToneLevel.ERROR,
        _needs("no"),
        _pattern(
            r"\bno (?:customer |user |personal |payment |other )?"
            r"(?:data|payments?|orders?|messages?|information|records?)"
            r"(?: (?:was|were|is|are|has been|have been))? (?:lost|exposed|leaked|compromised|at risk)\b"
            r"|\bno (?:data loss|loss of data)\b"
        ),
        "No one has recorded that this was checked.",
        "Say what you have checked, and when you tell the result.",
        _is_checked,
    ),
    PhraseRule(
        "W-ABSOLUTE",
        ToneLevel.ERROR,
        _needs("resolved happen guarantee guarantees guaranteed assured 100"),
        _pattern(
            r"\b(?:fully resolved|(?:never|not|won['’]t) happen again|guarantee(?:s|d)?|rest assured)\b"
            r"|\b100 ?%(?! of\b)"
        ),
        "No one can promise this.",
        "Say what you do so that it becomes less likely.",
        _is_conditional,
    ),
    PhraseRule(
        "W-ROOT",
        ToneLevel.WARNING,
        _needs("root"),
        _pattern(r"\broot[- ]causes?\b"),
        "The cause isn’t reviewed yet, and there is rarely one root.",
        "Say what happened, and that the review follows.",
        _is_published,
    ),
    PhraseRule(
        "W-JARGON",
        ToneLevel.INFO,
        _JARGON,
        _pattern(
            r"\b(?:pods?|pools?|replicas?|p(?:50|90|95|99)|[45]xx|latency|latencies|shards?|nodes?|clusters?"
            r"|backends?|back-ends?|failovers?|failed over)\b"
        ),
        "Most customers don’t know this word.",
        "Say what they notice.",
    ),
)

_ERROR_OF_PEOPLE = _pattern(r"\b(?:human|user|operator|manual|engineer(?:ing)?|staff) (?:error|mistake)s?\b")
_BLAME = _pattern(
    r"\b(?:to blame|blamed? on|(?:due to|because of|caused by) (?:a|an|our|the|one of our)"
    r"(?: [\w-]{2,20}){0,2} (?:(?:third|3rd)[- ]part(?:y|ies)|provider|vendor|supplier|partner))\b"
)
_ROLE = _pattern(
    r"\b(?:engineer|developer|operator|employee|colleague|administrator|admin|contractor|intern|technician"
    r"|programmer|member of (?:our |the )?(?:team|staff)|(?:team|staff) member)\b"
)
_WRONG = _pattern(
    r"\b(?:wrong(?:ly)?|mistake(?:nly|s)?|incorrect(?:ly)?|accidental(?:ly)?|by accident|forgot|failed to|faulty"
    r"|misconfigured|careless(?:ly)?|broke|bad)\b"
)
_PROVIDER = _pattern(
    r"\b(?:our|an?|the|one of our)(?: [\w-]{2,20}){0,2} (?:provider|vendor|supplier)s?\b"
    r"|\b(?:third|3rd)[- ]party(?: [\w-]{2,20}){0,2}"
)
_AT_FAULT = _pattern(r"\b(?:caused|causing|failed|failure|crashed|at fault|broke|outage (?:at|of|in))\b")

_SORRY = _pattern(r"\b(?:sorry|apolog(?:y|ies|i[sz]e[sd]?|i[sz]ing))\b")
_DOING = _pattern(
    r"\bwe(?: are|['’]re| have|['’]ve)?"
    r"(?: now| also| already| still| currently| actively| continue to| have| been){0,3}"
    r" (?:[a-z]{2,20}(?:ing|ed)|found|put|set|took|taken|made|sent|built|brought|undid|undone|began|begun|watch"
    r"|investigate|work|monitor|roll(?:ed)? back)\b"
)
_WAY = _pattern(
    r"\b(?:you (?:can|may|could|don['’]t need|do not need|weren['’]t|were not)|please|meanwhile|in the meantime|instead"
    r"|still works?|keeps? working|works? (?:as usual|normally|again)|unaffected|not (?:been )?(?:affected|impacted)"
    r"|no action|(?:is|are) kept|workaround|retry|try again|continues? to work|are not at risk)\b"
)
_CAPITALS = re.compile(r"(?<![\w-])[A-Z]{4,40}(?![\w-])")
_ACRONYMS = frozenset(
    (
        *("HTTP", "HTTPS", "SMTP", "IMAP", "JSON", "HTML", "CSRF", "CORS", "SAML", "OIDC", "SCIM", "LDAP"),
        *(
            "GDPR",
            "IBAN",
            "SEPA",
            "SWIFT",
            "CEST",
            "WEST",
            "EEST",
            "AEST",
            "AEDT",
            "NZST",
            "NZDT",
            "VPNS",
            "APIS",
        ),
        *("DDOS", "DNSSEC", "MFA", "OAUTH", "REST", "RSS", "SDKS", "URLS", "XHTML", "YAML", "TOML", "UTF"),
    )
)
MAX_CHARS = 1200
MAX_FIRST_SENTENCE_WORDS = 30
MAX_APOLOGIES = 2
_VERY_SEVERE = 1


def phrases(parts: list[Sentence], present: frozenset[str], context: ToneContext) -> Iterator[ToneFinding]:
    """Yield the findings of all rules about phrases; `present` are the words of the text."""
    rules = [rule for rule in PHRASES if not rule.needs.isdisjoint(present)]
    for part in parts:
        for rule in rules:
            for match in rule.pattern.finditer(part.text):
                if not rule.exempts(part, match, context):
                    start, end = part.start + match.start(), part.start + match.end()
                    message = f"“{match[0]}”: {rule.message}"
                    yield ToneFinding(rule.code, rule.level, start, end, message, rule.suggestion)


_BLAME_WORDS = _needs(
    "error errors mistake mistakes mistakenly blame blamed party parties provider providers vendor vendors supplier"
    " suppliers partner wrong wrongly incorrect incorrectly accidental accidentally accident forgot failed faulty"
    " misconfigured careless carelessly broke bad caused causing failure crashed fault outage"
)


def blame(parts: list[Sentence], present: frozenset[str], context: ToneContext) -> Iterator[ToneFinding]:
    """Yield W-BLAME for a person, a role or a vendor at fault; `present` are the words of the text."""
    if _BLAME_WORDS.isdisjoint(present):
        return
    advice = "Say what happened and what you do about it. You answer for what you use."
    vendors = [_pattern(rf"(?<!\w){re.escape(vendor)}(?!\w)") for vendor in sorted(context.vendors) if vendor]
    for part in parts:
        text = part.text
        match = _ERROR_OF_PEOPLE.search(text) or _BLAME.search(text)
        if match is None and _WRONG.search(text):
            match = _ROLE.search(text)
        if match is None and _AT_FAULT.search(text):
            match = _PROVIDER.search(text) or next((m for v in vendors if (m := v.search(text))), None)
        if match:
            start, end = part.start + match.start(), part.start + match.end()
            yield ToneFinding(
                "W-BLAME", ToneLevel.ERROR, start, end, f"“{match[0]}” puts the blame on others.", advice
            )


def shouting(text: str, context: ToneContext) -> Iterator[ToneFinding]:
    """Yield W-SHOUT for exclamation marks, and words in capitals that are not known acronyms."""
    allowed = {name.upper() for name in context.allowed}
    match = next((m for m in _CAPITALS.finditer(text) if m[0] not in _ACRONYMS | allowed), None)
    at = text.find("!")
    if match is None and at < 0:
        return
    start, end = match.span() if match else (at, at + 1)
    yield ToneFinding(
        "W-SHOUT", ToneLevel.INFO, start, end, f"“{text[start:end]}” reads as shouting.", "Write it calmly."
    )


def completeness(text: str, parts: list[Sentence], context: ToneContext) -> Iterator[ToneFinding]:
    """Yield what a text lacks as a whole: an apology, what is being done, what readers can do."""
    apologies = len(_SORRY.findall(text))
    is_first, is_customer = not context.last_text, context.reader == "customer"
    if apologies == 0 and context.severity <= _VERY_SEVERE and (is_first or context.is_final or is_customer):
        yield ToneFinding(
            "W-SORRY",
            ToneLevel.WARNING,
            0,
            0,
            "It doesn’t say that you are sorry.",
            "Say it once, and for what.",
        )
    if apologies > MAX_APOLOGIES:
        yield ToneFinding("W-SORRY", ToneLevel.INFO, 0, 0, "It apologizes several times.", "Say it once.")
    if not context.is_final:
        if not any(_DOING.search(part.text) for part in parts):
            yield ToneFinding(
                "W-ACTION",
                ToneLevel.WARNING,
                0,
                0,
                "It doesn’t say what you are doing.",
                "Add what you do now.",
            )
        if not _WAY.search(text):
            yield ToneFinding(
                "W-WAY",
                ToneLevel.INFO,
                0,
                0,
                "It doesn’t say what readers can do, or what still works.",
                "Add what they can do meanwhile.",
            )


def length(text: str, parts: list[Sentence], context: ToneContext) -> Iterator[ToneFinding]:
    """Yield W-LEN for a long text, or a long first sentence."""
    if len(text) > MAX_CHARS or (parts and len(parts[0].text.split()) > MAX_FIRST_SENTENCE_WORDS):
        yield ToneFinding(
            "W-LEN", ToneLevel.INFO, 0, 0, "It is long.", "Begin with one short sentence on the impact."
        )


def repetition(text: str, context: ToneContext) -> Iterator[ToneFinding]:
    """Yield W-SAME if the text is the last one again."""
    if context.last_text and " ".join(text.split()) == " ".join(context.last_text.split()):
        yield ToneFinding(
            "W-SAME",
            ToneLevel.INFO,
            0,
            0,
            "It is the last text again.",
            "Say that nothing changed, and what you do.",
        )
