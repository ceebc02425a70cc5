"""Drafts of notifications: templates, fields filled from dated facts, their text, and what contradicts it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.incidents.model import Phase, TimelineEntry
from firebell.kit.findings import FindingLevel
from firebell.kit.slice import DeclarationError
from firebell.regulatory.drafts import comparison as draft_comparison
from firebell.regulatory.drafts import text as draft_text
from firebell.regulatory.drafts.facts import DraftSources, fill, known_fact
from firebell.regulatory.drafts.model import Draft, DraftState, DraftTemplate, FieldAnswer
from firebell.regulatory.drafts.template_files import check, draft_templates, read_template, template_of
from firebell.regulatory.model import Answer, FactRecord
from firebell.regulatory.process_checks import contradiction_findings
from firebell.regulatory.regimes.files import catalog
from tests.rules.test_incidents_lifecycle import incident

START = datetime(2026, 11, 24, 2, 29, tzinfo=UTC)
GDPR = draft_templates()["regulator-gdpr-33"]


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def entry(number: int, minute: float, kind: str, text: str, **data: Any) -> TimelineEntry:
    return TimelineEntry(number, at(minute), at(minute), kind, "Jun", 2, text, data)


SOURCES = DraftSources(
    incident(title="Customer data copied", impact_start=START, detected_at=at(2), declared_at=at(3)),
    (
        entry(1, 3, "declared", "declared SEV1", severity=1),
        entry(2, 10, "mitigation", "Closed the endpoint."),
        entry(3, 20, "facts", "recorded the final facts", impact_start=START.isoformat(), affected="x"),
    ),
    {"aware": FactRecord(1, "aware", Answer.YES, at(5), "", at(6), 1, "Mara")},
    catalog().facts,
    ["Checkout"],
    "Mara",
    "Kestrel",
    "About 900 customers",
)


def by_field(template: DraftTemplate, sources: DraftSources, *answers: FieldAnswer) -> dict[str, Any]:
    return {one.field.id: one for one in fill(template, sources, {a.field: a for a in answers})}


def test_each_specified_notification_has_a_template_with_a_source_and_a_review_date() -> None:
    named = {
        *("GDPR-33", "UKGDPR-33", "GDPR-34", "FIN-NOW", "HIPAA-IND", "NIS2-EW", "NIS2-IN", "NIS2-FR"),
        *("DORA-I", "DORA-M", "DORA-F", "SEC-8K"),
    }
    assert named <= {obligation for one in draft_templates().values() for obligation in one.obligations}
    for one in draft_templates().values():
        assert one.source.startswith("https://")
        assert one.version < one.review_by
        assert one.fields
    assert [one.id for one in draft_templates().values() if not one.checked] == ["regulator-financial"]
    assert template_of("CONTRACT-1") is None


@pytest.mark.parametrize(
    "change",
    [
        {"obligations": ["NOTHING-1"]},
        {"continues": ["NOTHING-1"]},
        {"field": [{"id": "a", "label": "A", "fill": "nothing"}]},
        {"field": [{"id": "a", "label": "A", "fill": "fact:nothing"}]},
        {"field": [{"id": "a", "label": "A", "fill": "guess:aware"}]},
        {"field": [{"id": "a", "label": "A"}, {"id": "a", "label": "B"}]},
        {"field": [{"id": "a", "label": "A", "colour": "red"}]},
        {"unknown": 1},
    ],
)
def test_a_template_that_names_what_does_not_exist_stops_the_start(change: dict[str, Any]) -> None:
    table: dict[str, Any] = {
        "title": "T",
        "obligations": ["PCI"],
        "version": date(2026, 1, 1),
        "review_by": date(2026, 2, 1),
        "source": "https://example.org",
        "checked": "",
        "field": [{"id": "a", "label": "A", "fill": "summary"}],
    }
    check([read_template("t", table)], catalog())
    with pytest.raises(DeclarationError):
        check([read_template("t", {**table, **change})], catalog())
    with pytest.raises(DeclarationError):
        check([read_template("t", table), read_template("u", table)], catalog())


def test_a_field_is_filled_from_a_dated_fact_or_stays_unknown() -> None:
    fields = by_field(GDPR, SOURCES)
    assert fields["started_at"].text == "2026-11-24 02:29 UTC"
    assert (fields["started_at"].fact.entry_id, fields["started_at"].fact.at) == (3, at(20))
    assert (fields["aware_at"].text, fields["aware_at"].fact.source) == (
        "2026-11-24 02:34 UTC",
        "Became aware, Mara",
    )
    assert fields["measures"].text == "2026-11-24 02:39 UTC: Closed the endpoint."
    assert fields["subjects"].text == "About 900 customers"
    missing = {name for name, one in fields.items() if one.is_missing}
    assert missing == {"contact", "ended_at", "records", "consequences"}
    bare = replace(SOURCES, records={}, organization="", affected="", commander="", services=[])
    emptier = by_field(GDPR, bare)
    assert emptier["aware_at"].text == "2026-11-24 02:31 UTC"
    assert {"controller", "subjects"} <= {name for name, one in emptier.items() if one.is_missing}


def test_what_a_person_writes_is_stated_with_their_name_and_a_blank_leaves_it_to_the_facts() -> None:
    written = FieldAnswer("subjects", "About 4,900 customers", at(30), "Ewa")
    fields = by_field(GDPR, SOURCES, written, FieldAnswer("nature", "", at(31), "Ewa"))
    one = fields["subjects"]
    assert (one.text, one.fact.source, one.fact.at, one.is_typed) == (
        "About 4,900 customers",
        "Ewa",
        at(30),
        True,
    )
    assert fields["nature"].text == "Customer data copied"
    assert not fields["nature"].is_typed


def test_every_fact_of_every_template_is_known_or_none() -> None:
    over = replace(
        SOURCES,
        incident=incident(phase=Phase.CLOSED, impact_start=START, impact_end=at(40), resolved_at=at(41)),
        records={
            **SOURCES.records,
            "submitted:NIS2-EW": FactRecord(2, "submitted:NIS2-EW", Answer.YES, at(50), "", at(51), 1, "Ewa"),
            "dora_major": FactRecord(3, "dora_major", Answer.NO, None, "Below", at(52), 1, "Ewa"),
        },
    )
    for sources in (SOURCES, over):
        names = {one.fill for template in draft_templates().values() for one in template.fields if one.fill}
        texts = {name: fact.text for name in names if (fact := known_fact(name, sources))}
        assert all(texts.values())
    assert texts["submitted:NIS2-EW"] == "2026-11-24 03:19 UTC"
    assert texts["fact:dora_major"] == "No"
    assert texts["reason:dora_major"] == "Below"
    assert "NIS2-EW at" in texts["other_submissions"]
    assert "the impact ended at 2026-11-24 03:09 UTC" in texts["state"]


def text_of(*answers: FieldAnswer, sources: DraftSources = SOURCES) -> str:
    fields = fill(GDPR, sources, {answer.field: answer for answer in answers})
    return draft_text.to_markdown(GDPR, {"To": "IMY", "Rule": "GDPR, Art. 33(1)", "Part": ""}, fields)


def test_the_text_has_every_field_and_what_is_not_known_yet() -> None:
    sections = draft_text.sections(text_of())
    assert sections["Likely consequences (Art. 33(3)(c))"] == draft_text.NOT_KNOWN
    assert "- Likely consequences" in sections["Not known yet"]
    assert "Reasons for the delay, if later than 72 hours (Art. 33(1))" not in sections
    plain = draft_text.to_plain(text_of())
    assert "## " not in plain
    assert "Likely consequences" in plain


@given(st.text(max_size=200))
def test_no_text_that_people_write_becomes_a_heading(text: str) -> None:
    written = FieldAnswer("consequences", f"x\n## Forged\n{text}", at(30), "Ewa")
    forged = draft_text.sections(text_of(written))
    assert set(forged) == set(draft_text.sections(text_of()))


def test_a_follow_up_shows_what_changed_by_field() -> None:
    before = text_of()
    after = text_of(FieldAnswer("consequences", "Phishing", at(30), "Ewa"))
    changes = {
        one.heading: (one.before, one.after)
        for one in draft_comparison.changes((before, GDPR), (after, GDPR))
    }
    assert changes["Likely consequences (Art. 33(3)(c))"] == (draft_text.NOT_KNOWN, "Phishing")
    assert set(changes) == {"Likely consequences (Art. 33(3)(c))", "Not known yet"}
    assert draft_comparison.changes((before, GDPR), (before, GDPR)) == []


def test_a_later_phase_compares_the_fields_that_it_shares_with_the_one_before() -> None:
    early, later = (draft_templates()[f"regulator-nis2-{name}"] for name in ("ew", "in"))
    answer = {"malicious": FieldAnswer("malicious", "No", at(30), "Ewa")}
    before = draft_text.to_markdown(early, {}, fill(early, SOURCES, answer))
    same = draft_text.to_markdown(later, {}, fill(later, SOURCES, answer))
    changes = draft_comparison.changes((before, early), (same, later))
    headings = {one.heading.partition(" (")[0] for one in changes}
    assert "Impact" in headings
    assert not headings & {"What happened", "Suspected of unlawful or malicious acts", "Became aware"}


@pytest.mark.parametrize(
    ("published", "kinds"),
    [
        ([], []),
        (["About 900 customers are affected since 02:29 UTC."], []),
        (["About 900 customers are affected since 03:29 CET."], []),
        (["About 400 customers are affected."], ["number"]),
        (["About 400 customers.", "We wrote 400 customers; it was 900 customers."], []),
        (["It has failed since 02:40 UTC."], ["time"]),
        (["About 400 orders failed since 02:40 UTC."], ["time"]),
    ],
)
def test_t_contra_compares_with_the_latest_published_text_that_states_it_too(
    published: list[str], kinds: list[str]
) -> None:
    listed = list(enumerate(published, 70))
    text = text_of()
    assert draft_comparison.stated_start(text) == START
    assert [one.kind for one in draft_comparison.contradictions(text, START, listed)] == kinds


def test_t_contra_names_no_value_of_the_draft() -> None:
    draft = Draft(
        *(9, 214, "GDPR-33", 1, GDPR.id, GDPR.version, DraftState.DRAFT, 1, text_of()),
        *(at(9), 1, "Mara", at(9), 1),
    )
    (finding,) = contradiction_findings("INC-214", 1, [draft], [(70, "About 400 customers")])
    assert (finding.code, finding.level, finding.evidence[0].id) == ("T-CONTRA", FindingLevel.WARNING, "e-70")
    assert "900" not in f"{finding.message} {finding.evidence}"
    (lower,) = contradiction_findings("INC-214", 2, [draft], [(70, "About 400 customers")])
    assert lower.level is FindingLevel.INFO
    assert contradiction_findings("INC-214", 1, [draft], []) == []


def test_an_export_says_who_did_what_and_that_it_is_no_legal_advice() -> None:
    draft = Draft(
        *(9, 214, "GDPR-33", 1, GDPR.id, GDPR.version, DraftState.DRAFT, 1, text_of()),
        *(at(9), 1, "Mara", at(9), 1),
    )
    assert draft_text.ADVICE in draft_text.exported(draft, GDPR)
    sent = replace(
        draft, state=DraftState.SENT, reviewed_at=at(10), reviewer="Ewa", signed_at=at(11), signer="Ewa",
        sent_at=at(12), sender="Ewa", channel="Online form", receipt="4711",
    )  # fmt: skip
    text = draft_text.exported(sent, GDPR)
    assert "Sent by Ewa at 2026-11-24 02:41 UTC (Online form, 4711)." in text
    assert draft_text.ADVICE in text
