"""What a text to customers should not say: the sentences of the specification, and some of public status pages."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from re import _parser as parser
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firebell.comms.tone import leak_rules, sentences, time_rules, wording_rules
from firebell.comms.tone.check import check, needs_reason, prevents_sending
from firebell.comms.tone.model import ReaderKind, ToneContext, ToneLevel

OF_THE_WHOLE_TEXT = {"W-NEXT", "W-PAST", "W-SORRY", "W-ACTION", "W-WAY", "W-LEN", "W-SAME"}
SENTENCES = (
    ("We are sorry. About a third of card payments fail since 14:00 UTC.", "", ""),
    ("We are looking at the payment service. Next update by 14:50 UTC.", "", ""),
    ("We will update you as soon as possible.", "", "W-SOON"),
    ("A fix is on its way and everything will be back shortly.", "", "W-SOON"),
    ("We expect logins to work again in about 30 minutes.", "", "W-REL"),
    ("We expect logins to work again by 16:30 UTC; this is an estimate.", "", ""),
    ("Next update by 14:50.", "", "W-ZONE"),
    ("We apologise for any inconvenience this may have caused.", "", "W-HEDGE"),
    ("Some users may be experiencing issues.", "", "W-HEDGE W-VAGUE"),
    ("A small number of customers cannot log in.", "", "W-HEDGE"),
    ("A small number of customers, about 40, cannot log in.", "", ""),
    ("There was a glitch in our system.", "", "W-VAGUE"),
    ("A junior engineer deployed a wrong configuration.", "", "W-BLAME"),
    ("A change of ours used up the connections to a database.", "", ""),
    ("The outage was caused by human error.", "", "W-BLAME"),
    ("Our provider Acme caused this outage.", "", "W-BLAME"),
    ("A network that we use has trouble in Frankfurt; we are moving traffic away from it.", "", ""),
    ("Jun Okafor is restoring the database.", "", "W-NAME"),
    ("We restarted checkout-db-03 and are watching it.", "", "W-INTERNAL"),
    ("Requests fail with ORA-00060.", "", "W-INTERNAL"),
    ("INC-214 is being handled.", "", "W-INTERNAL"),
    ("The connection pool of a backend was exhausted.", "", "W-JARGON"),
    ("The problem is fixed.", "monitoring", "W-FIXED"),
    ("Payments work again since 14:46 UTC. We watch them before we call it over.", "monitoring", ""),
    ("This is over. From 13:58 to 14:46 UTC card payments failed.", "resolved", ""),
    ("No data was lost.", "", "W-ABSOLUTE"),
    ("We have seen no sign that data were lost and tell you the result by 18:00 UTC.", "", ""),
    ("This will never happen again, we guarantee it.", "resolved", "W-ABSOLUTE"),
    ("The root cause was a full disk.", "resolved", "W-ROOT"),
    ("EVERYTHING IS DOWN!", "", "W-SHOUT"),
    ("What you may notice: {{impact}}", "", "W-SLOT"),
    ("You can pay by invoice meanwhile; your basket is kept.", "", ""),
)
"""The regression set of the specification: text, stage (investigating if empty), rules."""

PUBLISHED = (
    ("status.pubnub.com/incidents/51l13cw6w4nd", "resolved", ""),
    ("a third-party provider we use for subscription management was having an operational incident.",),
    ("status.pubnub.com/incidents/51l13cw6w4nd", "resolved", "W-VAGUE"),
    ("The provider resolved their issue, and the incident was resolved at 5:20 AM UTC on August 31.",),
    ("status.vtex.com/incidents/01HEWNFFTYRW62NK5W7GWM329Q", "resolved", "W-VAGUE"),
    ("shoppers experienced issues when completing a purchase.",),
    ("status.vtex.com/incidents/01HEWNFFTYRW62NK5W7GWM329Q", "resolved", ""),
    ("the remaining traffic was completely moved to Payments Gateway.",),
    ("status.loyalty-beta.pointsville.com/incidents/01K4Q0XMQS090N442KDVKZGJ4E", "resolved", "W-ROOT"),
    ("We identified intermittent 502 responses as the root cause of Loyalty checkout failures.",),
    ("status.loyalty-beta.pointsville.com/incidents/01K4Q0XMQS090N442KDVKZGJ4E", "monitoring", ""),
    ("if metrics remain stable we will mark this incident fully resolved.",),
    ("status.loyalty-beta.pointsville.com/incidents/01K4Q0XMQS090N442KDVKZGJ4E", "investigating", "W-REL"),
    ("Engineers are routing traffic to a fallback gateway — next update in 15 minutes.",),
    ("status.subbly.co/incident/2582", "investigating", "W-HEDGE"),
    ("We apologise for the inconvenience.",),
    ("status.subbly.co/incident/2582", "investigating", "W-VAGUE"),
    ("a previous issue has resurfaced causing some customers to be billed incorrectly.",),
    ("status.paytrace.com/incidents/6zw8ry9wldb0", "resolved", "W-BLAME"),
    ("A 3rd party service component we utilize for server authentication abnormally crashed.",),
    ("status.paytrace.com/incidents/6zw8ry9wldb0", "investigating", "W-SOON"),
    ("More information will be provided shortly.",),
    ("status.jobnimbus.com", "investigating", "W-JARGON"),
    ("We are observing increased latency and error rates across the web application.",),
    ("status.jobnimbus.com", "investigating", ""),
    ("This is caused by high utilization on a core database.",),
    ("status.posportal.com/incidents/3vq01wgpdjqs", "identified", "W-VAGUE"),
    ("The issue has been identified and we are working to resolve.",),
    ("status.posportal.com/incidents/3vq01wgpdjqs", "resolved", ""),
    ("a service was enabled using an invalid account.",),
    ("slok.github.io/stactus-showcase/simple/github/history/34", "resolved", ""),
    ("approximately 75% of attempts to create or resume Codespaces in these regions were failing.",),
    ("slok.github.io/stactus-showcase/simple/github/history/5", "resolved", "W-ABSOLUTE"),
    ("There was no data loss as a result of this incident.",),
    ("slok.github.io/stactus-showcase/simple/github/history/34", "resolved", "W-VAGUE W-BLAME"),
    ("The issue was caused due to an outage in a third party provider.",),
    ("status.posportal.com/incidents/3vq01wgpdjqs", "monitoring", ""),
    ("A fix has been implemented and we are monitoring the results.",),
    ("status.posportal.com/incidents/3vq01wgpdjqs", "resolved", ""),
    ("This incident is now closed.",),
)
"""Sentences of public status pages, each after its source, stage and rules; read on November 28, 2026."""


def _codes(text: str, context: ToneContext) -> set[str]:
    return {finding.code for finding in check(text, context)}


@pytest.mark.parametrize(("text", "stage", "rules"), SENTENCES)
def test_a_sentence_of_the_specification_has_exactly_its_rules(text: str, stage: str, rules: str) -> None:
    context = ToneContext(
        stage=stage or "investigating", names=frozenset({"Jun Okafor"}), vendors=frozenset({"Acme"})
    )
    assert _codes(text, context) - OF_THE_WHOLE_TEXT == set(rules.split())


def test_sentences_of_public_status_pages_have_the_rules_that_a_person_gave_them() -> None:
    heads, texts = PUBLISHED[::2], PUBLISHED[1::2]
    assert len(texts) >= 20
    for (source, stage, rules), (text,) in zip(heads, texts, strict=True):
        assert _codes(text, ToneContext(stage=stage)) - OF_THE_WHOLE_TEXT == set(rules.split()), (
            source,
            text,
        )


def test_what_readers_cannot_be_told_is_blocked_and_an_error_needs_a_reason() -> None:
    now = datetime(2026, 11, 28, 14, tzinfo=UTC)
    promised = ToneContext(
        next_update_at=now + timedelta(minutes=30), now=now, interval=timedelta(minutes=30)
    )
    for secret in ("AKIAIOSFODNN7EXAMPLE", "password: hunter22", "4111 1111 1111 1111"):
        [finding] = [f for f in check(f"Use {secret} now.", promised) if f.code == "W-SECRET"]
        assert (finding.level, prevents_sending([finding])) == (ToneLevel.BLOCK, True)
    assert "W-SUBJECT" in _codes("Hello", ToneContext(subject="a\r\nBcc: all", next_update_at=now))
    assert "W-NEXT" in _codes("Payments fail.", ToneContext())
    assert "W-NEXT" not in _codes("Payments fail. Next update by 14:50 UTC.", ToneContext())
    assert "W-PAST" in _codes("Payments fail.", ToneContext(next_update_at=now, now=now))
    late = ToneContext(next_update_at=now + timedelta(hours=2), now=now, interval=timedelta(minutes=30))
    findings = check("Payments fail.", late)
    assert "W-PAST" in {f.code for f in findings}
    assert needs_reason(findings)
    same = ToneContext(last_text="Payments  fail.", next_update_at=now)
    assert "W-SAME" in _codes("Payments fail.", same)
    calm = "We are sorry: since 14:00 UTC, card payments fail. We are moving traffic. You can pay by invoice."
    assert check(calm, promised) == []
    assert _codes("Jun Okafor restarts checkout-db-03.", ToneContext(ReaderKind.INTERNAL)) == set()
    german = ToneContext(locale="de", names=frozenset({"Jun Okafor"}), next_update_at=now)
    assert _codes("There was a glitch, says Jun Okafor.", german) == {"W-NAME"}
    known = ToneContext(internal_terms=frozenset({"checkout-api"}), allowed=frozenset({"Checkout-API"}))
    assert "W-INTERNAL" not in _codes("checkout-api fails", known)


@settings(max_examples=20, deadline=None)
@example("\ud800{{x}} \x00 \u202eJun Okafor\u0301")
@given(st.text("aA1 .-:{}@!\n\u0301é€𐀀", max_size=300))
def test_any_text_is_checked_and_every_finding_lies_in_it(text: str) -> None:
    context = ToneContext(names=frozenset({"Jun Okafor"}), internal_terms=frozenset({"checkout-api"}))
    for finding in check(text, context):
        assert 0 <= finding.start <= finding.end <= len(text)


def _unbounded(parsed: Any) -> Iterator[int]:
    """Yield the limit of each repetition of a parsed pattern that has none."""
    for op, argument in parsed:
        if op in (parser.MAX_REPEAT, parser.MIN_REPEAT) and argument[1] is parser.MAXREPEAT:
            yield argument[0]
        parts = argument if isinstance(argument, tuple | list) else ()
        for part in parts:
            if isinstance(part, parser.SubPattern):
                yield from _unbounded(part)
            elif isinstance(part, list):
                for branch in part:
                    if isinstance(branch, parser.SubPattern):
                        yield from _unbounded(branch)


def test_no_pattern_can_backtrack_through_a_long_text() -> None:
    patterns = {rule.pattern for rule in wording_rules.PHRASES}
    for module in (leak_rules, time_rules, wording_rules, sentences):
        # a word ends where the next character is none, so its pattern never goes back
        patterns |= {p for name, p in vars(module).items() if isinstance(p, re.Pattern) and name != "_WORD"}
    assert len(patterns) > 30
    assert [p.pattern for p in patterns if list(_unbounded(parser.parse(p.pattern, p.flags)))] == []
