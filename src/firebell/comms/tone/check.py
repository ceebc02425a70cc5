"""The tone check: every rule W-* about one text (pure; spec 7.15)."""

from collections.abc import Sequence

from firebell.comms.tone import leak_rules, time_rules, wording_rules
from firebell.comms.tone.model import ReaderKind, ToneContext, ToneFinding, ToneLevel
from firebell.comms.tone.sentences import sentences, vocabulary

LANGUAGE = "en"
ENGLISH_RULES = (
    *(
        "W-SOON",
        "W-REL",
        "W-ZONE",
        "W-SORRY",
        "W-ACTION",
        "W-WAY",
        "W-HEDGE",
        "W-VAGUE",
        "W-BLAME",
        "W-FIXED",
    ),
    *("W-ABSOLUTE", "W-ROOT", "W-JARGON", "W-SHOUT", "W-LEN"),
)
"""The rules that know only English."""
_LEVELS = list(ToneLevel)


def is_english(locale: str) -> bool:
    """Return True if the English rules apply to texts of this locale."""
    return locale.partition("-")[0].lower() == LANGUAGE


def check(text: str, context: ToneContext) -> list[ToneFinding]:
    """Return the findings about a text, those that prevent sending first, then in the order of the text.

    Total on any text, in linear time. Texts in other languages than English are checked for what needs no words.
    """
    findings = [*leak_rules.slots(text, context), *leak_rules.secrets(text, context)]
    findings += wording_rules.repetition(text, context)
    if context.reader is ReaderKind.INTERNAL:
        return _sorted(findings)
    parts = sentences(text)
    findings += time_rules.next_update(text, parts, context)
    findings += leak_rules.names(text, context)
    findings += leak_rules.internal_names(text, context)
    if is_english(context.locale):
        present = vocabulary(text)
        findings += time_rules.vague_times(parts, present)
        findings += time_rules.zones(text, context)
        findings += wording_rules.phrases(parts, present, context)
        findings += wording_rules.blame(parts, present, context)
        findings += wording_rules.shouting(text, context)
        findings += wording_rules.completeness(text, parts, context)
        findings += wording_rules.length(text, parts, context)
    return _sorted(findings)


def _sorted(findings: Sequence[ToneFinding]) -> list[ToneFinding]:
    return sorted(findings, key=lambda finding: (_LEVELS.index(finding.level), finding.start, finding.code))


def prevents_sending(findings: Sequence[ToneFinding]) -> bool:
    """Return True if a text cannot be sent at all."""
    return any(finding.level is ToneLevel.BLOCK for finding in findings)


def needs_reason(findings: Sequence[ToneFinding]) -> bool:
    """Return True if a text is sent only with a reason."""
    return any(finding.level is ToneLevel.ERROR for finding in findings)
