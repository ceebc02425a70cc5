"""The catalogs of status pages and of messages are written as their readers write: what a program can check of it."""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from firebell.channels import languages as message_languages
from firebell.channels.phone import gsm7, voice_script
from firebell.kit.language_catalogs import CatalogLanguage
from firebell.status_pages.public import languages as page_languages

PAGES, MESSAGES = page_languages.languages(), message_languages.languages()
CATALOGS = [
    pytest.param(language, id=f"{kind}-{code}")
    for kind, every in (("pages", PAGES), ("messages", MESSAGES))
    for code, language in every.items()
    if code != "en"
]
NO_BREAK = "\u00a0"
JAPANESE = r"[\u3040-\u30ff\u4e00-\u9fff]"
SAME_AS_ENGLISH = {
    *(
        "Slack",
        "Team",
        "Teams",
        "Webhook",
        "Runbook",
        "Runbook {number}",
        "SMS",
        "E-mail",
        "Password",
        "Problem",
    ),
    *("Contact", "Code", "Incident", "Incidents", "Service", "Correction", "Corrections", "Maintenance"),
    *("{label}: {value}", "{components}. {rest}", "{components}."),
}
INFORMAL = {
    "de": r"\b(du|dich|dir|dein\w*)\b",
    "es": r"\b(tú|tu|tus|ti|te)\b",
    "fr": r"\b(tu|te|toi|ton|ta|tes)\b",
    "it": r"\b(tu|tuo|tua|tuoi|tue|ti|sei|hai|ricevi|riceverai)\b",
    "pt": r"\b(você|seu|sua|seus|suas)\b",
    "nl": r"\b(je|jij|jou|jouw)\b",
    "sv": r"\b(du|dig|din|ditt|dina)\b",
}
FORMAL = {
    "de": r"(?<!^)(?<![.?!:] )\b(Sie|Ihnen|Ihr|Ihre|Ihrem|Ihren|Ihrer)\b",
    "es": r"\b(usted|su|sus)\b",
    "fr": r"\b(vous|votre|vos)\b",
    "it": r"\b(Lei|Suo|Sua|Suoi|Sue|Riceve|Risponda)\b",
    "pt": r"\b(tu|teu|tua|teus|tuas|telemóvel|ecrã|ficheiro|utilizador|subscrever|introduza)\b",
    "nl": r"\b(u|uw)\b",
    "sv": r"\b(ni|er|ert|era)\b",
}
"""In Portuguese, words of Portugal: the catalog is Brazilian."""
REGISTERS = {
    ("pages", "de"): FORMAL,
    ("pages", "es"): FORMAL,
    ("pages", "fr"): FORMAL,
    ("pages", "it"): INFORMAL,
    ("pages", "pt"): INFORMAL,
    ("pages", "nl"): FORMAL,
    ("pages", "sv"): INFORMAL,
    ("messages", "de"): INFORMAL,
    ("messages", "es"): INFORMAL,
    ("messages", "fr"): FORMAL,
}


@pytest.mark.parametrize("language", CATALOGS)
def test_no_string_is_left_in_english(language: CatalogLanguage) -> None:
    left = {english for english, text in language.texts.items() if english == text and len(english) > 3}
    assert left <= SAME_AS_ENGLISH


@pytest.mark.parametrize("language", CATALOGS)
def test_every_placeholder_stands_as_often_as_in_english(language: CatalogLanguage) -> None:
    for english, text in language.texts.items():
        assert _placeholders(text) == _placeholders(english), text
        assert text == text.strip(), text


@pytest.mark.parametrize("language", CATALOGS)
def test_the_typography_is_that_of_the_language(language: CatalogLanguage) -> None:
    for text in language.texts.values():
        assert "..." not in text
        assert "  " not in text
        assert '"' not in text
        bare = re.sub(r"https?://|\{\w+\}", "x", text)
        match language.code:
            case "fr":
                assert not re.search(
                    rf"(?<!{NO_BREAK})[;:!?»%](?!//)|«(?!{NO_BREAK})", re.sub(r"[?] p| [?]", "", bare)
                ), text
                assert "'" not in text, text
            case "de" | "pl":
                assert bare.count("„") == bare.count("“" if language.code == "de" else "”"), text
            case "es":
                assert bare.count("?") == bare.count("¿") or " ? " in bare, text
                assert bare.count("!") == bare.count("¡"), text
            case "ja":
                assert not re.search(rf"{JAPANESE}[,.;:!]|[,;:!] ?{JAPANESE}", text), text
                # a code alone at the start is copied, so a space ends it
                spaced = rf"{JAPANESE} [A-Za-z0-9{{]|[A-Za-z0-9}}] {JAPANESE}"
                assert not re.search(spaced, text.removeprefix("{code} ")), text
            case "ar":
                assert not re.search(r"[\u0600-\u06ff][,;?]", text), text
            case _:
                pass
        if language.code in {"de", "es", "sv"}:
            assert not re.search(rf"(?<!{NO_BREAK})%", text), text


@pytest.mark.parametrize("code", ["ar", "pl"])
def test_no_noun_follows_a_number_where_it_has_several_plurals(code: str) -> None:
    """CLDR has more categories than one and other for these, so a number stands after a colon or before a unit."""
    for every in (PAGES, MESSAGES):
        if code in every:
            for text in every[code].texts.values():
                assert not re.search(r"\{(count|days|number)\} \w", text), text
            unit_words = getattr(every[code], "units", {}).values()
            assert all(len(unit.rstrip(".")) <= 4 for unit in unit_words)


@pytest.mark.parametrize(("kind", "code"), REGISTERS)
def test_readers_are_addressed_in_one_way(kind: str, code: str) -> None:
    register = REGISTERS[kind, code]
    other = INFORMAL if register is FORMAL else FORMAL
    texts = (PAGES if kind == "pages" else MESSAGES)[code].texts.values()
    assert [text for text in texts if re.search(other[code], _in_lower(text, code, other), re.UNICODE)] == []
    assert any(re.search(register[code], text, re.IGNORECASE) for text in texts)


@pytest.mark.parametrize("language", MESSAGES.values(), ids=list(MESSAGES))
def test_what_a_call_says_can_be_spoken(language: message_languages.Language) -> None:
    keys = language.text(voice_script.KEYS)
    assert all(digit in keys for digit in "456")
    for text in (
        keys,
        *map(language.text, ("This is Firebell.", "You have a page.", "Goodbye.", "One moment.")),
    ):
        assert not re.search(r"[*#/()<>_=]|https?:", text), text
        assert len(text) <= 120, text
    for sign in ("percent", "and", "at", "degrees", "euro", "dollar", "point"):
        assert re.fullmatch(r"\w[\w ]*", language.text(sign)), sign


@pytest.mark.parametrize("language", CATALOGS)
def test_what_stands_in_text_messages_costs_no_more_than_it_must(language: CatalogLanguage) -> None:
    """A Latin alphabet stays in GSM-7: one sign outside it would halve the room of the whole message."""
    asked = ("Reply STOP to unsubscribe.", "Reply {code}a ack, {code}e escalate.", "Reply {code}a.")
    for english in set(asked) & set(language.texts):
        text = gsm7.plain(language.texts[english].replace("{code}", "47"))
        assert len(text) <= 60, text
        assert gsm7.is_gsm(text) == (language.code not in {"ar", "ja"}), text


@pytest.mark.parametrize("language", PAGES.values(), ids=list(PAGES))
def test_dates_shares_and_durations_are_written_as_in_the_language(language: page_languages.Language) -> None:
    at = datetime(2026, 11, 1, 14, 3, tzinfo=UTC)
    written = (
        language.day(at, "UTC"),
        language.percent("99.95%").replace(NO_BREAK, "_"),
        language.duration(timedelta(hours=3, minutes=5)),
        language.labeled("A", "B").replace(NO_BREAK, "_"),
    )
    assert written == WRITTEN[language.code]


WRITTEN: Mapping[str, tuple[str, str, str, str]] = {
    "en": ("1 Nov 2026", "99.95%", "3 h 5 min", "A: B"),
    "de": ("1. Nov. 2026", "99,95_%", "3 Std. 5 Min.", "A: B"),
    "es": ("1 nov 2026", "99,95_%", "3 h 5 min", "A: B"),
    "fr": ("1er nov. 2026", "99,95_%", "3 h 5 min", "A_: B"),
    "it": ("1 nov 2026", "99,95%", "3 h 5 min", "A: B"),
    "pt": ("1º de nov. de 2026", "99,95%", "3 h 5 min", "A: B"),
    "nl": ("1 nov 2026", "99,95%", "3 u 5 min", "A: B"),
    "sv": ("1 nov. 2026", "99,95_%", "3 tim 5 min", "A: B"),
    "pl": ("1 lis 2026", "99,95%", "3 godz. 5 min", "A: B"),
    "ja": ("2026年11月1日", "99.95%", "3時間5分", "A：B"),
    "ar": ("1 نوفمبر 2026", "99.95%", "3 س 5 د", "A: B"),
}


def test_messages_name_days_in_their_language() -> None:
    at = datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert {code: each.moment(at, "Europe/Stockholm") for code, each in MESSAGES.items()} == {
        "en": "Tue 1 Dec 09:00",
        "de": "Di., 1. Dez., 09:00",
        "es": "mar 1 dic 09:00",
        "fr": "mar. 1er déc. 09:00",
        "ja": "12月1日（火）09:00",
        "ar": "الثلاثاء 1 ديسمبر 09:00",
    }


def _placeholders(text: str) -> Counter[str]:
    return Counter(re.findall(r"\{\w+\}", text))


def _in_lower(text: str, code: str, register: Mapping[str, str]) -> str:
    """Return a text in lower case, except where only the capital tells the formal address."""
    return text if register is FORMAL and code in {"de", "it"} else text.lower()
