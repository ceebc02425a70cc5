"""Words of blame in a post-mortem: the sentences of the specification, of the handbook, and of our own."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.findings import FindingLevel
from firebell.kit.handbook_files import skill
from firebell.postmortems.blameless.language import language_of
from firebell.postmortems.blameless.lint import findings, lint
from firebell.postmortems.blameless.rules import MATCHERS, RULES, stems
from firebell.postmortems.blameless.sentences import sentences
from firebell.postmortems.blameless.spans import masked
from firebell.postmortems.blameless.subjects import is_about_person, mentions, people_named

PEOPLE = ("Maria Lopez", "Tom", "Priya Nair", "jdoe", "Jonas", "Žofie Nováková")
OF_THE_SPECIFICATION = (
    ("The on-call engineer should have checked the dashboard before restarting.", "B1"),
    ("Human error was the root cause of the outage.", "B2"),
    ("Maria failed to run the migration in dry-run mode.", "B3"),
    ("The developer forgot to update the config.", "B3"),
    ("The deploy was careless.", "B5"),
    ("Operators need to be more careful with production.", "B7"),
    ("It was obvious that the disk was filling up.", "B8"),
    ("@jdoe broke the build and took down checkout.", "B3"),
    ("The network team is to blame for the delay.", "B10"),
    ("A fat-fingered command deleted the table.", "B2"),
    ("Action: remind the team to follow the checklist.", "B7"),
    ("It was Tom's fault.", "B10"),
    ("The reviewer missed the bug.", "B3"),
    ("Engineers were negligent in monitoring the queue.", "B5"),
    ("The alert should have fired at 80 percent.", "B1s"),
    ("The replica failed to elect a leader.", ""),
    ("The alert fired at 10:02 and Maria acknowledged it at 10:03.", ""),
    ("The health check missed the failure because it only probes TCP.", ""),
    ("The deploy tool accepted the empty value without a warning.", ""),
    ("The fault tolerance of the cluster is one node.", ""),
    ('We avoided the label "human error" and looked at the conditions.', ""),
    ("Customers could not log in for 25 minutes.", ""),
    ("The engineer saw a green dashboard, because the panel averaged all regions.", ""),
    ("The default timeout of 30 s was longer than the client's.", ""),
    ("> should have checked earlier (from the chat log)", ""),
    ("Priya proposed a rollback at 10:20, and the commander approved it.", ""),
    ("Add a guard so that the tool refuses to drop a table that has traffic.", ""),
    ("The pager message did not name the service, which made triage slow.", ""),
)
"""The labeled sentences of the specification."""
OF_OUR_OWN = (
    ("Appointing an incident manager could have helped.", ""),
    ("An engineer might have noticed the graph.", "B1"),
    ("Žofie should've asked first.", "B1"),
    ("Maria ought not to have restarted it.", "B1"),
    ("Maria could not have known that the replica was behind.", ""),
    ("The on-call engineer should have been paged at 02:10.", "B1s"),
    ("Each repository should have clear owners.", ""),
    ("We should have a talk about the defaults.", ""),
    ("We should have tested the failover.", "B1i"),
    ("We expected that the cache should have been warm.", ""),
    ("Customers should have been able to pay by invoice.", ""),
    ("If the reviewer had opened the second file, we would have seen it.", "B1i"),
    ("If it had reached the nightly build, it would have broken 300 packages.", ""),
    ("Nothing in the backlog could have prevented it.", ""),
    ("This would not have prevented the download.", ""),
    ("The index is rebuilt if only one shard is updated.", ""),
    ("The outage could have been avoided by two separate deployments.", "B1i"),
    ("At that time we assumed a user error.", ""),
    ("The script reduces the risk of human error.", ""),
    ("The rate of user errors on the login page rose to 4%.", ""),
    ("The rotation was skipped because of a mistake by the operator.", "B2"),
    ("Tom's mistake cost an hour.", "B2"),
    ("The root cause was an error in an adjacent service lead to a loop.", ""),
    ("The engineers broke the dependency on the queue at 11:00.", ""),
    ("The Kubernetes operator failed to reconcile the certificate.", ""),
    ("The cert manager missed the renewal.", ""),
    ("The team lead ignored three tickets.", "B3"),
    ("The outage was caused by Maria.", "B3"),
    ("It was not visible due to our team structure.", ""),
    ("A contractor accidentally deleted the bucket.", "B3"),
    ("Why did the developer forget to check the endpoint?", "B3"),
    ("Tom restarted the worker and forgot to clear the queue.", "B3"),
    ("A responder looked at the graph but failed to tell anyone.", "B3"),
    ("Maria saw that the replica restarted and failed to elect a leader.", ""),
    ("Maria missed the call because she was on a plane.", ""),
    ("We forgot the second index.", ""),
    ("Support ignored the first reports.", "B3"),
    ("Maria's change was live at 13:40.", ""),
    ("The engineer ran the script on production instead of staging.", ""),
    ("The deployment failed because someone ignored the freeze.", "B3"),
    ("A page fault in the kernel caused the restart.", ""),
    ("The team was reckless with production.", "B5"),
    ("There was a lack of attention during the migration.", "B5"),
    ("We will be more careful with long queries.", "B7"),
    ("Retrain the engineers on the deployment tool.", "B7"),
    ("The model is retrained every night.", ""),
    ("The scheduler has to work harder during the backup.", ""),
    ("Obviously we did not test the update.", "B8"),
    ("It became obvious that requests had a wrong header.", ""),
    ("There was no obvious error message.", ""),
    ("The second outage was easily avoidable.", "B8"),
    ("The engineer was reprimanded.", "B9"),
    ("We hold ourselves accountable for the follow-up.", ""),
    ("The vendor's team will be held accountable.", "B9"),
    ("Nobody is at fault, and no one was punished.", ""),
    ("The switch at the edge was at fault.", ""),
    ("We do not blame the operator.", ""),
    ("Three people blamed Tom.", "B10"),
)
"""What public post-mortems taught us, in sentences of our own."""


@pytest.mark.parametrize(("text", "code"), OF_THE_SPECIFICATION + OF_OUR_OWN)
def test_a_sentence_has_its_label(text: str, code: str) -> None:
    assert [finding.code for finding in findings(text, PEOPLE)] == ([code] if code else [])


def test_no_rule_is_skipped_that_would_find_something() -> None:
    sentences_of_all = [text for text, _ in (*OF_THE_SPECIFICATION, *OF_OUR_OWN)]
    found = set()
    for text in [*sentences_of_all, *(text.upper() for text in sentences_of_all)]:
        for matcher in MATCHERS:
            matches = list(matcher.find(text, mentions(text, people_named(PEOPLE))))
            assert not matches or not stems(text).isdisjoint(matcher.triggers), (text, matches)
            found |= {matcher} if matches else set()
            assert matcher.is_about_people or matches == list(matcher.find(text, []))
    assert found == set(MATCHERS)


def test_the_handbook_flags_what_it_calls_blaming_and_not_its_own_words() -> None:
    chapter = skill("references/blameless-postmortems.md")
    table = chapter.split("## Twelve sentences, rewritten")[1].split("\n## ")[0]
    rows = re.findall(r'^\| "(.+?)" \| "(.+?)" \|', table, re.M)
    assert len(rows) == 12
    for blaming, rewritten in rows:
        assert findings(blaming, PEOPLE), blaming
        assert not findings(rewritten, PEOPLE), rewritten


def test_quotes_code_chat_comments_and_the_timeline_are_left_alone() -> None:
    blame = "Maria failed to look."
    for text in (
        f"```\n{blame}\n```",
        f"~~~ text\n{blame}\n",
        f"> {blame}",
        f"`{blame}`",
        f'The log has "{blame}".',
        f"The log has “{blame}”",
        f"<!-- {blame} -->",
        f"[10:02] jdoe: {blame}",
        f"<jdoe> {blame}",
        f"---\ntitle: {blame}\n---\nText.",
        f"Text before.\n\n    {blame}\n",
        f"## Timeline\n\n- 10:02 {blame}",
        f"Timeline\n--------\n\n{blame}",
    ):
        assert findings(text, PEOPLE) == [], text
    assert [f.code for f in findings(blame, PEOPLE, "Timeline of events")] == []
    assert [f.code for f in findings("## Timeline\n\n10:02 human error, it was Tom's fault", PEOPLE)] == [
        "B2",
        "B10",
    ]


def test_a_finding_knows_its_place_in_the_whole_document() -> None:
    text = "# Title\n\n## Root cause\n\n| What | Why |\n| --- | --- |\n| É 🔥 fire | **Maria** failed to look |\n"
    (finding,) = findings(text, PEOPLE)
    assert (finding.code, finding.line, finding.section) == ("B3", 7, "Root cause")
    assert text[finding.start : finding.end] == finding.quote == "Maria** failed to"
    assert finding.replacement == "Maria** did not"
    assert "Maria" in finding.message


def test_a_sentence_spans_lines_and_two_equal_sentences_have_two_ids() -> None:
    text = "The on-call\nengineer should\nhave looked.\n\nThe on-call engineer should have looked."
    ids = [finding.id for finding in findings(text)]
    assert len(ids) == len(set(ids)) == 2
    assert ids[1] == f"{ids[0]}-2"


def test_a_waiver_needs_a_reason_and_covers_one_sentence() -> None:
    text = (
        "Maria failed to look. <!-- ok: her own words --> Tom forgot to ask.\n\nTom ignored it. <!-- ok: -->"
    )
    result = lint(text, PEOPLE)
    assert [(f.code, f.waiver) for f in result.findings] == [("B3", "her own words"), ("B3", ""), ("B3", "")]
    assert len(result.open) == len(result.blocking) == 2


def test_only_errors_block() -> None:
    result = lint("The alert should have fired. We will be more careful. It was human error.")
    assert [f.level for f in result.findings] == [FindingLevel.INFO, FindingLevel.WARNING, FindingLevel.ERROR]
    assert [f.code for f in result.blocking] == ["B2"]


def test_the_strongest_of_a_family_and_one_of_each_rule() -> None:
    text = "Tom should have known better; the alert should have fired, if only we had set it, and Tom failed to ask."
    assert sorted(finding.code for finding in findings(text, PEOPLE)) == ["B1", "B3", "B5"]
    assert [f.code for f in findings("Tom forgot it, Maria missed it and Jonas ignored it.", PEOPLE)] == [
        "B3"
    ]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (
            "Die Ingenieurin hat den Fehler gemacht, und das war nicht gut für die Kunden und auch für den Dienst.",
            "de",
        ),
        ("Le serveur est tombé et les clients ne pouvaient pas payer avec une carte dans la nuit.", "fr"),
        (
            "El servidor se cayó y los clientes no podían pagar con la tarjeta por un error en una tabla.",
            "es",
        ),
        ("サーバーが落ちました。顧客は支払いができませんでした。", "und"),
        ("The engineer should have looked at the dashboard, and the alert was late by an hour.", "en"),
        ("Human error", "en"),
        ("", "en"),
    ],
)
def test_other_languages_are_not_examined(text: str, language: str) -> None:
    assert language_of(text) == language
    assert lint(text).examined == (language == "en")


def test_a_given_language_decides() -> None:
    text = "Human error."
    assert lint(text, language="en-US").findings
    assert not lint(text, language="de").examined


def test_names_match_whole_words_and_the_longest() -> None:
    assert findings("Mariana failed to look.", ["Maria"]) == []
    assert findings("maria failed to look.", ["Maria"]) == []
    assert findings("mail@jdoe broke the build.", ["jdoe"]) == []
    assert findings("Maria Lopez failed to look.", ["Maria Lopez"])[0].quote == "Maria Lopez failed to"
    assert findings("Nobody failed to look.", ["", "@", "A"]) == []


def test_who_a_chain_of_whys_ends_at() -> None:
    names = people_named(PEOPLE)
    for text in ("Tom did not look", "the reviewer was tired", "At 02:10 Maria restarted it"):
        assert is_about_person(text, names), text
    for text in (
        "The pool holds 60 connections",
        "The dashboard that Tom opens is green",
        "Maria's page was late",
        "we had no time",
    ):
        assert not is_about_person(text, names), text


@given(st.text(alphabet="ab M@*_`\"'<>-|#\n.!x", max_size=300) | st.text(max_size=80))
def test_masks_keep_every_place_and_no_sentence_is_lost(text: str) -> None:
    visible = masked(text)
    assert len(visible) == len(text)
    assert [c == "\n" for c in visible] == [c == "\n" for c in text]
    for sentence in sentences(text):
        end = sentence.start + len(sentence.text)
        assert sentence.text == visible[sentence.start : end].replace("\n", " ")


def test_blame_is_found_wherever_it_stands() -> None:
    """Return the same code between any neighbors: a heading, a list, a table, a second sentence."""
    for before, after in (
        ("# T\n\n", "\n"),
        ("- ", "\n- b"),
        ("| a | ", " |\n"),
        ("Fine. ", " Fine."),
        ("1. ", ""),
    ):
        text = f"{before}Maria failed to look.{after}"
        (finding,) = findings(text, PEOPLE)
        assert text[finding.start : finding.end] == "Maria failed to"


def test_every_rule_has_a_question_and_survives_json() -> None:
    assert set(RULES) == {"B1", "B1i", "B1s", "B2", "B3", "B5", "B7", "B8", "B9", "B10"}
    for rule in RULES.values():
        assert rule.question.endswith(("?", ".", "”"))
        assert "{" not in json.dumps(rule.question.format(who="Tom"))
