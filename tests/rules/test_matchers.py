"""Matchers: the table of spec 3.4, printing that parses back (A8), and regular expressions that never hang."""

import re
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit import linear_regex
from firebell.kit.linear_regex import Regex, RegexError, Test
from firebell.kit.matchers import Matcher, MatcherError, Op, matches_all, parse, parse_one, print_all

EQUAL, NOT_EQUAL, MATCHES, DIFFERS = Op


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("foo=bar", [("foo", EQUAL, "bar")]),
        ('{foo="bar",}', [("foo", EQUAL, "bar")]),
        ('foo!=bar, baz=~"a|b"', [("foo", NOT_EQUAL, "bar"), ("baz", MATCHES, "a|b")]),
        ('🙂=~"x.*"', [("🙂", MATCHES, "x.*")]),
        ('"foo bar"="baz qux"', [("foo bar", EQUAL, "baz qux")]),
        ('foo=""', [("foo", EQUAL, "")]),
        ("foo=[a-z]+", [("foo", EQUAL, "[a-z]+")]),
        ('foo=~"\\\\d+"', [("foo", MATCHES, "\\d+")]),
        ('foo="\\u00e9\\x41\\101\\n"', [("foo", EQUAL, "éAA\n")]),
        ('""=a', [("", EQUAL, "a")]),
        (" { a = b , c !~ d } ", [("a", EQUAL, "b"), ("c", DIFFERS, "d")]),
        ("{}", []),
        ("", []),
    ],
)
def test_what_alertmanager_accepts(text: str, expected: list[tuple[str, Op, str]]) -> None:
    assert parse(text) == tuple(Matcher(*fields) for fields in expected)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("foo=", 4),
        ("=bar", 0),
        (",foo=bar", 0),
        ("foo=bar,,x=y", 8),
        ("{foo=bar", 8),
        ("foo=bar}", 0),
        ("foo=a b", 6),
        ('foo="\\xff"', 4),
        ("foo=~\\d+", 5),
        ("foo='bar'", 4),
        ("foo==bar", 4),
        ('foo="a\nb"', 6),
        ('foo="a', 4),
        ('🙂="\\q"', 3),
        ('foo=~"(a"', 5),
        ('foo=~"(a)\\\\1"', 5),
        ("{a=b}}", 5),
        ("foo", 3),
    ],
)
def test_an_error_has_its_position(text: str, start: int) -> None:
    with pytest.raises(MatcherError) as error:
        parse(text)
    assert error.value.start == start


def test_one_matcher_has_no_braces() -> None:
    assert parse_one(' a =~ "b" ') == Matcher("a", MATCHES, "b")
    for text in ("{a=b}", "a=b,c=d", ""):
        with pytest.raises(MatcherError):
            parse_one(text)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_MATCHER = st.one_of(
    st.builds(Matcher, _TEXT, st.sampled_from([EQUAL, NOT_EQUAL]), _TEXT),
    st.builds(Matcher, _TEXT, st.sampled_from([MATCHES, DIFFERS]), _TEXT.map(re.escape).filter(str.isascii)),
)


@given(st.lists(_MATCHER, max_size=4))
def test_a8_what_is_printed_parses_to_the_same(matchers: list[Matcher]) -> None:
    assert parse(print_all(matchers)) == tuple(matchers)


@given(st.lists(_MATCHER, max_size=4))
def test_printed_matchers_can_be_stored_and_shown(matchers: list[Matcher]) -> None:
    assert print_all(matchers).isprintable()


def _error(text: str) -> MatcherError | None:
    try:
        parse(text)
    except MatcherError as error:
        return error
    return None


@given(st.text(max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    error = _error(text)
    assert error is None or 0 <= error.start <= error.end <= len(text)


def test_matchers_are_anded_and_a_missing_label_is_empty() -> None:
    labels = {"severity": "critical", "team": "payments"}
    assert matches_all(parse('severity="critical", team=~"pay.*", region=""'), labels)
    assert not matches_all(parse('severity="critical", team=~"pay"'), labels)
    assert matches_all(parse("region!=eu, region!~eu"), labels)
    assert not matches_all(parse('text=~"a.b"'), {"text": "a\nb"})


_PATTERNS = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "\\d", "\\w", "a-z", "(?i)A", "[a-c]", "1", "x{2}"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{1,3}", "{2,}", "*?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=8,
).filter(lambda pattern: "(?i)" not in pattern)


@given(_PATTERNS, st.text("abcx1-\n", max_size=8))
def test_a_pattern_matches_what_python_matches(pattern: str, text: str) -> None:
    assert Regex(pattern).matches(text) == bool(re.fullmatch(pattern, text))


@given(
    st.lists(_PATTERNS | st.sampled_from(["^", "$", "(?:^a)?", "(?:b$)?"]), max_size=4).map("".join),
    st.lists(st.text("abcx1-\n", max_size=8), max_size=6),
)
def test_a_pattern_that_has_matched_texts_matches_the_same_as_a_new_one(
    pattern: str, texts: list[str]
) -> None:
    used = Regex(pattern)
    for text in texts:
        assert used.matches(text) == Regex(pattern).matches(text)
    with patch.object(linear_regex, "MAX_KNOWN_STATES", 3):
        forgetful = Regex(pattern)
        assert [forgetful.matches(text) for text in texts] == [used.matches(text) for text in texts]


def test_a_step_is_computed_once() -> None:
    tested: list[str] = []

    def counted(test: Test) -> Test:
        def run(char: str) -> bool:
            tested.append(char)
            return test(char)

        return run

    regex = Regex(".*(disk|cpu).*")
    for state in regex._states:
        if callable(state.what):
            state.what = counted(state.what)
    assert regex.matches("disk is full on db-1")
    first = len(tested)
    assert regex.matches("disk is full on db-1")
    assert len(tested) == first


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("(?i)checkout", "CheckOut", True),
        ("a|b", "b", True),
        ("^a$", "a", True),
        ("(?i:a)b", "Ab", True),
        ("(?i:a)b", "AB", False),
        ("(?s).", "\n", True),
        ("[]a]+", "]a", True),
        ("[\\d-]+", "1-2", True),
        ("\\x41\\x{1F642}", "A🙂", True),
        ("(?P<name>a)", "a", True),
        ("", "", True),
        ("a{2}", "aaa", False),
    ],
)
def test_syntax_of_re2(pattern: str, text: str, expected: bool) -> None:
    assert Regex(pattern).matches(text) is expected


@pytest.mark.parametrize(
    "pattern",
    ["(a)\\1", "(?=a)", "(?<!a)", "a++", "(?>a)", "(?(1)a|b)", "[", "(", ")", "*", "[b-a]", "a{2000}"],
)
def test_what_could_hang_or_is_wrong_is_refused(pattern: str) -> None:
    with pytest.raises(RegexError):
        Regex(pattern)


def test_a_pattern_that_hangs_backtracking_engines_does_not() -> None:
    assert not Regex("(a|a)*b|(a*)*c|(a+)+d").matches("a" * 2000)
    assert not Regex("(x+x+)+y").matches("x" * 2000)
