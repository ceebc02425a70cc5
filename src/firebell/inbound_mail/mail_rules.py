"""What a mail does: fires, resolves, or changes nothing, and under which key (pure, spec 9.6)."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.alerts import cleaning
from firebell.alerts.model import Event, EventKind
from firebell.inbound_mail.model import MailMessage, MailOutcome, MailSettings, ReceivedMail, Verdict
from firebell.kit import matchers
from firebell.kit.text import plural

STORM_MAILS = 60
"""Mails of one sender to one address in a minute, above which they share one alert."""
BODY_MATCHED_CHARS = 4_096
_PREFIX = re.compile(r"^\s*(?:(?:re|fwd?|aw|wg|sv|vs|antw|tr|rif)\s*:|\[(?P<tag>[^\]]*)\])\s*", re.IGNORECASE)
_STATE = (
    r"RESOLVED|RECOVERY|RECOVERED|RECOVERS|CLOSED|CLEARED|OK|UP|"
    r"PROBLEM|DOWN|FIRING|TRIGGERED|ALARM|FAILED|FAILURE|FAILING|CRITICAL|WARNING|UNKNOWN|UNREACHABLE|ERROR"
)
_STATES = re.compile(rf"\b(?:{_STATE})\b", re.IGNORECASE)
_BEGINS_WITH_STATE = re.compile(rf"\W*(?:{_STATE})\b", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_MEASURED = re.compile(
    r"(?<!\d)\d++(?:[.,]\d++)?%(?!\w)"
    r"|(?<!\d)(?:19|20)\d\d(?P<between>[-._/])(?:0[1-9]|1[0-2])(?P=between)[0-3]\d(?:T\d+)?(?!\d)"
)
"""Percentages and dates, which aren't part of a name even when joined to it, as in `backup-2026-11-30`."""
_COLON_ADDRESS = r"(?<![\w:])(?=[\da-f:]*::|(?:[\da-f]{1,4}:){5})[\da-f]{1,4}(?::[\da-f]{0,4}){2,7}(?!\w)"
"""An IPv6 or MAC address."""
_WORDS = re.compile(rf"(?P<address>{_COLON_ADDRESS})|\w+(?:[-_./]\w+)*", re.IGNORECASE)
"""Addresses, and words joined by punctuation, such as `web-01` and `GigabitEthernet0/1`."""
_NAME = re.compile(
    r"(?:^|(?<=[-_./]))(?:[^\W\d_]|(?<!\.)\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d))"
    r"|^\d{1,3}(?:-\d{1,3}){3}(?![-\d])"
    r"|^\d+(?:\.[^\W\d_][\w-]*){2,}"
)
"""Where the name begins in joined words: at a word that begins with a letter, at an IPv4 address, also one with hyphens
as in `10-0-0-5.ec2.internal`, or at the number of a host name such as `1.db.example.com`.
"""
_PUNCTUATION = re.compile(r"[^\w]+", re.UNICODE)
_ENDS_ANY_CASE = frozenset({"resolved", "recovered", "recovers", "closed", "cleared"})
_ENDS_IN_CAPITALS = frozenset({"RECOVERY", "OK", "UP"})
"""Words that mean an end only as a state: `backup` and `is it ok` are none."""
_NEGATED = re.compile(r"\b(?:NOT|BACK|ISN.?T|NEVER)\s*$", re.IGNORECASE)


def resolves(subject: str) -> bool:
    """Return True if the first state in a subject is an end: what also says `DOWN` before it fires.

    A false page is better than a lost one: without a clear word the mail fires.
    """
    for match in _STATES.finditer(subject):
        word = match[0]
        is_end = word.casefold() in _ENDS_ANY_CASE or word in _ENDS_IN_CAPITALS
        if is_end and _NEGATED.search(subject[: match.start()]):
            return False
        if is_end:
            return True
        if word.isupper() or word.casefold() in ("failed", "failure"):
            return False
    return False


def normalized(subject: str) -> str:
    """Return the part that subjects of one problem share, without prefixes, states, numbers and punctuation.

    Numbers in names stay: while `web-01` is down, `web-02` must page too.
    """
    names: list[str] = []
    was_state = False
    while match := _PREFIX.match(subject):
        tag, subject = match["tag"] or "", subject[match.end() :]
        is_state = bool(_STATES.search(tag))
        if not is_state and (was_state or _BEGINS_WITH_STATE.match(subject) or _has_numbered_name(tag)):
            # it names what is down, as in `[web] [Down] timeout`, and isn't a mailing list tag
            names.append(tag)
        was_state = is_state
    words = _PUNCTUATION.sub(" ", _named(_STATES.sub(" ", " ".join([*names, subject]))))
    return " ".join(words.casefold().split())


def _has_numbered_name(tag: str) -> bool:
    return bool(_DIGITS.search(_named(tag)))


def _named(text: str) -> str:
    """Return a text without measurements and without numbers outside names."""
    return _WORDS.sub(_without_numbers, _MEASURED.sub(" ", text))


def _without_numbers(words: re.Match[str]) -> str:
    """Return joined words without the numbers before their name; addresses stay whole."""
    text = words[0]
    if words["address"]:
        return text
    name = _NAME.search(text)
    name_at = name.start() if name else len(text)
    return _DIGITS.sub(" ", text[:name_at]) + text[name_at:]


def key_of(message: MailMessage, thread_key: str) -> str:
    """Return the deduplication key: that of the thread, else of its root, else of the subject, else of the text."""
    if thread_key:
        return thread_key
    if message.references:
        return cleaning.dedup_key(f"thread:{message.references[0]}", "")
    subject = normalized(message.subject)
    if subject:
        return cleaning.dedup_key(f"subject:{subject}", "")
    return f"mail:{cleaning.fingerprint([message.sender, message.text])}"


def judge(
    mail: ReceivedMail, settings: MailSettings, auth_server: str, recent: int, thread_key: str
) -> Verdict:
    """Return what a mail does; `recent` counts those of its sender in the last minute."""
    message = mail.message
    sender = mail.envelope_sender if mail.envelope_sender is not None else message.return_path
    if reason := _automatic(message, sender):
        return Verdict(MailOutcome.IGNORED, reason)
    if reason := _unproved(message, settings, auth_server):
        return Verdict(MailOutcome.REFUSED, reason)
    labels = labels_of(message)
    if settings.ignore_matchers and _matches(settings.ignore_matchers, labels):
        return Verdict(MailOutcome.IGNORED, "The integration ignores emails like this one.")
    if recent >= STORM_MAILS:
        key = cleaning.dedup_key(f"mail-storm:{message.sender}", "")
        return Verdict(
            MailOutcome.STORM, f"More than {plural(STORM_MAILS, 'mail')} of this sender a minute.", key
        )
    stated_end = settings.resolve_matchers
    is_end = _matches(stated_end, labels) if stated_end else resolves(message.subject)
    outcome = MailOutcome.RESOLVED if is_end and not message.problem else MailOutcome.FIRED
    return Verdict(outcome, message.problem, key_of(message, thread_key))


def _matches(stored: str, labels: Mapping[str, str]) -> bool:
    """Return True if labels meet stored matchers; False if these can't be read, so that the mail fires."""
    try:
        return matchers.matches_all(matchers.parse(stored), labels)
    except matchers.MatcherError:
        return False


def labels_of(message: MailMessage) -> dict[str, str]:
    """Return what matchers of mails see."""
    return {
        "subject": message.subject,
        "from": message.sender,
        "to": ", ".join(message.recipients),
        "body": message.text[:BODY_MATCHED_CHARS],
    }


def _automatic(message: MailMessage, envelope_sender: str | None) -> str:
    """Return why a mail is no alert, whatever it says; an empty text for one that can be."""
    if message.is_own:
        return "Firebell sent it."
    if message.is_report:
        return "It is a report from a mail server, such as a bounce."
    if envelope_sender == "":
        return "It has no sender to reply to, as bounces do."
    if message.auto_submitted == "auto-replied":
        return "It is an automatic reply."
    return ""


def _unproved(message: MailMessage, settings: MailSettings, auth_server: str) -> str:
    """Return why the list of senders refuses a mail; an empty text if it does not."""
    if not settings.senders:
        return ""
    domain = f"@{message.sender.rpartition('@')[2]}"
    if message.sender not in settings.senders and domain not in settings.senders:
        return f"{message.sender or 'Its sender'} is not on the list of senders."
    if not is_proved(message.authentication, auth_server):
        return "The relay did not confirm the sender by DMARC."
    return ""


def is_proved(results: Sequence[str], auth_server: str) -> bool:
    """Return True if the topmost Authentication-Results of the own relay have `dmarc=pass` (RFC 8601)."""
    for result in results:
        server, _, methods = re.sub(r"\([^()]*\)", " ", result).partition(";")
        if not auth_server or server.split()[:1] != [auth_server]:
            continue
        return any(method.split()[:1] == ["dmarc=pass"] for method in methods.lower().split(";"))
    return False


def event_of(mail: ReceivedMail, verdict: Verdict, now: datetime) -> Event:
    """Return the event of a mail that fires or resolves, or of a storm."""
    message = mail.message
    if verdict.outcome is MailOutcome.STORM:
        return Event(
            EventKind.FIRING,
            verdict.key,
            cleaning.line(f"Too many emails from {message.sender}"),
            f"{verdict.reason} They are kept, and open no alerts of their own. Check the sender.",
            "error",
        )
    title = cleaning.line(message.subject) or cleaning.line(
        f"Email from {message.sender} without a subject"
        if message.sender
        else f"Mail to {mail.integration_name}"
    )
    notes = [message.text]
    if message.attachments:
        notes.append(f"Attached, not kept: {', '.join(message.attachments)}")
    if mail.is_cut:
        notes.append("The email was too large; its end is missing.")
    if message.problem:
        notes.append(message.problem)
    return Event(
        kind=EventKind.RESOLVED if verdict.outcome is MailOutcome.RESOLVED else EventKind.FIRING,
        dedup_key=verdict.key,
        title=title,
        body=cleaning.text("\n\n".join(note for note in notes if note), cleaning.MAX_BODY),
        labels=cleaning.mapping({"from": message.sender}),
        occurred_at=cleaning.clamp(message.date, now),
    )


def digest_of(mail: ReceivedMail) -> bytes:
    """Return what identifies a mail however often it is delivered: servers add headers, and change no others."""
    message = mail.message
    if not message.message_id:
        return hashlib.sha256(mail.content).digest()
    parts = (message.message_id, message.subject, str(message.date), message.text)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()


def digest_at(mail: ReceivedMail, now: datetime) -> bytes:
    """Return a digest that identifies a mail that arrives now.

    A mail with no Message-ID and no sign of when it was sent is always new: a device without a clock sends the
    same bytes at each outage.
    """
    message, digest = mail.message, digest_of(mail)
    if message.message_id or message.is_relayed or cleaning.clamp(message.date, now) is not None:
        return digest
    return hashlib.sha256(digest + now.isoformat().encode()).digest()
