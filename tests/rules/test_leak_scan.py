"""What a version for customers gives away: every kind in a table, and no false alarm on ordinary words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.postmortems.external.leak_scan import LEAKS_MAX, LeakKind, LeakTerms, public_text, scan
from tests.stopwatch import stopwatch

TERMS = LeakTerms(
    names=frozenset({"Mara Lindqvist", "Will Grace", "Noor Haddad", "Łukasz Żak"}),
    handles=frozenset({"mara.lindqvist", "will", "noor2"}),
    customers=frozenset({"Nordlys Bank", "Ångström & Co"}),
    domains=frozenset({"corp.kestrel.example"}),
    own_hosts=frozenset({"firebell.kestrel.example"}),
)


@pytest.mark.parametrize(
    ("text", "kind", "quote"),
    [
        ("Then Mara Lindqvist rolled it back.", "name", "Mara Lindqvist"),
        ("Then MARA  LINDQVIST rolled it back.", "name", "MARA LINDQVIST"),
        ("Haddad restarted it.", "name", "Haddad"),
        ("Will Grace called.", "name", "Will Grace"),
        ("Łukasz Żak called.", "name", "Łukasz Żak"),
        ("Ask @noor for more.", "handle", "@noor"),
        ("As noor2 wrote.", "handle", "noor2"),
        ("As mara.lindqvist wrote.", "handle", "mara.lindqvist"),
        ("Write to ops@kestrel.example.", "email", "ops@kestrel.example"),
        ("The host 10.0.3.17 was full.", "address", "10.0.3.17"),
        ("The host 192.168.1.1 was full.", "address", "192.168.1.1"),
        ("The host 172.31.255.1 was full.", "address", "172.31.255.1"),
        ("The host 100.64.0.9 was full.", "address", "100.64.0.9"),
        ("The host 127.0.0.1 was full.", "address", "127.0.0.1"),
        ("The host fd12:3456:789a::1 was full.", "address", "fd12:3456:789a::1"),
        ("The host db.corp.kestrel.example was full.", "host", "db.corp.kestrel.example"),
        ("DB.CORP.kestrel.EXAMPLE was full.", "host", "DB.CORP.kestrel.EXAMPLE"),
        ("cache.prod.svc.cluster.local was full.", "host", "cache.prod.svc.cluster.local"),
        ("ledger-db-01 was full.", "host", "ledger-db-01"),
        (
            "See https://firebell.kestrel.example/pages/PG-7.",
            "url",
            "https://firebell.kestrel.example/pages/PG-7.",
        ),
        (
            "See https://kestrel.atlassian.net/browse/OPS-12 now.",
            "url",
            "https://kestrel.atlassian.net/browse/OPS-12",
        ),
        (
            "See https://github.example/org/repo/issues/9 now.",
            "url",
            "https://github.example/org/repo/issues/9",
        ),
        ("See http://wiki/incident now.", "url", "http://wiki/incident"),
        ("See http://10.1.2.3/x now.", "url", "http://10.1.2.3/x"),
        ("It hit Nordlys Bank first.", "customer", "Nordlys Bank"),
        ("It hit nordlys\nbank first.", "customer", "nordlys bank"),
        ("It hit Ångström & Co first.", "customer", "Ångström & Co"),
        ("The key AKIAABCDEFGHIJKLMNOP was used.", "secret", "AKIAABCDEFGHIJKLMNOP"),
        ("password: hunter2hunter2", "secret", "password: hunter2hunter2"),
        ("token=abcdefgh", "secret", "token=abcdefgh"),
        ("It was INC-214.", "reference", "INC-214"),
        ("We do act-8 next.", "reference", "act-8"),
        ("After PG-1466 fired.", "reference", "PG-1466"),
        ("It was slow [t:412].", "evidence", "[t:412]"),
        ("It was slow [r:4.2].", "evidence", "[r:4.2]"),
        ("Before <!-- internal --> and no end", "internal", "<!-- internal -->"),
        ("No begin <!-- /internal --> after", "internal", "<!-- /internal -->"),
    ],
)
def test_every_kind_of_leak_is_recognized(text: str, kind: str, quote: str) -> None:
    assert [(leak.kind, leak.quote) for leak in scan(text, TERMS)] == [(LeakKind(kind), quote)]


@pytest.mark.parametrize(
    "text",
    [
        "Will it happen again? By the grace of a second replica, no.",
        "18% of payments failed from 09:58 to 11:02, on 2026-11-24.",
        "See https://status.kestrel.example/incidents/abc for more.",
        "The address 8.8.8.8 and version 1.2.3.4.5 are public.",
        "We use eu-west-1 and SHA-256, and TLS 1.3 over HTTP/2.",
        "Nordlys and bank holidays are other words.",
        "We will act on 8 changes, and increase by INC 3.",
        "A citation [1] and a list [a, b].",
        "The marathon ended; the noorish sea was calm.",
        "Times such as 10:02:33 are no addresses, and C::D is code.",
        "Visible.<!-- internal -->\nMara Lindqvist, INC-9, 10.0.0.1\n<!-- /internal -->\nVisible.",
        "",
    ],
)
def test_ordinary_texts_give_nothing_away(text: str) -> None:
    assert scan(text, TERMS) == []


def test_places_are_those_of_the_whole_text_and_the_list_ends() -> None:
    text = "One.\n<!-- internal -->\nsecret plans\n<!-- /internal -->\nThen INC-7 and Mara Lindqvist.\n"
    leaks = scan(text, TERMS)
    assert [(leak.line, text[leak.start : leak.end]) for leak in leaks] == [
        (5, "INC-7"),
        (5, "Mara Lindqvist"),
    ]
    assert len(scan("INC-7 " * 500, TERMS)) == LEAKS_MAX
    assert public_text(text) == "One.\n\nThen INC-7 and Mara Lindqvist.\n"
    assert "plans" not in public_text(text.replace("internal", "INTERNAL"))


@given(
    st.lists(st.sampled_from(["<!-- internal -->", "<!-- /internal -->", "INC-7", "ok", "\n", "<!-- x -->"]))
)
def test_what_is_published_has_nothing_that_the_scan_did_not_see(parts: list[str]) -> None:
    text = " ".join(parts)
    if not scan(text, TERMS):
        assert scan(public_text(text), TERMS) == []
        assert "INC-7" not in public_text(text)


@pytest.mark.parametrize("part", ["PG-1\n", " ", "<!-- internal -->", "<!--", "-----BEGIN A "])
def test_the_scan_takes_linear_time(part: str) -> None:
    text = part * (100_000 // len(part))
    with stopwatch() as watch:
        scan(text, TERMS)
        public_text(text)
    assert watch.seconds < 2


def test_passages_beside_one_another_are_all_dropped() -> None:
    text = "A <!-- internal -->INC-1<!-- /internal --> \t<!-- internal -->INC-2<!-- /internal -->b\n"
    assert scan(text, TERMS) == []
    assert public_text(text) == "Ab\n"
