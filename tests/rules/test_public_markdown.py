"""Markdown that the public reads: what is shown on pages, in feeds and mails, and as plain text."""

import re
import time
from datetime import UTC, datetime
from email import message_from_bytes, policy
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.mail.addresses import Mailbox
from firebell.kit.public_markdown import literal, to_html, to_marked_html, to_marked_plain, to_plain
from firebell.status_pages.public.languages import ENGLISH
from firebell.subscribers.messages import mail_format, update_texts
from firebell.subscribers.messages.mail_format import Envelope, MailText

NOW = datetime(2026, 11, 27, 2, 16, tzinfo=UTC)


def link(address: str, label: str) -> str:
    """Return a link as it is rendered."""
    return f'<a href="{address}" rel="nofollow noopener">{label}</a>'


@pytest.mark.parametrize(
    ("text", "html", "plain"),
    [
        ("", "", ""),
        ("We *look* **now**.", "<p>We <em>look</em> <strong>now</strong>.</p>", "We look now."),
        ("One\ntwo\n\nthree", "<p>One<br>\ntwo</p>\n<p>three</p>", "One\ntwo\n\nthree"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>", "- a\n- b"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>', "3. a\n4. b"),
        (
            "- a\n  - b\n\nend",
            "<ul>\n<li>a\n<ul>\n<li>b</li>\n</ul>\n</li>\n</ul>\n<p>end</p>",
            "- a\n  - b\n\nend",
        ),
        ("Run `a <b>`", "<p>Run <code>a &lt;b&gt;</code></p>", "Run a <b>"),
        ("```sh\na <b>\n```", "<pre><code>a &lt;b&gt;\n</code></pre>", "a <b>"),
        ("# Cause\n\nA disk.", "<h3>Cause</h3>\n<p>A disk.</p>", "Cause\n\nA disk."),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>", "said"),
        ("[Docs](https://a.example)", f"<p>{link('https://a.example', 'Docs')}</p>", "Docs (https://a.example)"),
        (
            "See https://a.example/x?a=1&b=2.",
            f"<p>See {link('https://a.example/x?a=1&amp;b=2', 'https://a.example/x?a=1&amp;b=2')}.</p>",
            "See https://a.example/x?a=1&b=2.",
        ),
        # what is not a web address leads nowhere, and raw HTML is text
        ("[a](javascript:alert)", "<p>[a](javascript:alert)</p>", "[a](javascript:alert)"),
        ("[a](/login)", '<p><a rel="nofollow noopener">a</a></p>', "a"),
        ("<b onclick=x>no</b>", "<p>&lt;b onclick=x&gt;no&lt;/b&gt;</p>", "<b onclick=x>no</b>"),
        ("<img src=//e>", "<p>&lt;img src=//e&gt;</p>", "<img src=//e>"),
        ("![pic](https://e.example/a.png)", f"<p>{link('https://e.example/a.png', 'pic')}</p>", "pic (https://e.example/a.png)"),
        # references inside Firebell are no links outside
        ("INC-3, 2 * 3 * 4, a_b_c", "<p>INC-3, 2 * 3 * 4, a_b_c</p>", "INC-3, 2 * 3 * 4, a_b_c"),
        ("a\x00\x0cb\x1b", "<p>ab</p>", "ab"),
    ],
)  # fmt: skip
def test_what_people_wrote_is_shown_as_they_meant_it(text: str, html: str, plain: str) -> None:
    assert (str(to_html(text)), to_plain(text)) == (html, plain)


WRITTEN = "https://a.example\n\n"


@pytest.mark.parametrize(
    "hostile",
    [
        # each took up to three seconds; short rows of a table are filled up to 65,000 cells
        "|a" * 400 + "|\n" + "|-" * 400 + "|\n" + "|\n" * 11_000,
        "> " * 100 + "\n" + "a\n" * 12_000,
        "- a\r\n" * 5000,
        "![" * 12_000,
        "[a*b_c`" * 3500,
        "> - " * 6000,
        "|" * 24_000,
        "\n" * 24_000,
        "a\r" * 12_000,
    ],
)
def test_a_text_that_would_take_long_is_shown_as_written(hostile: str) -> None:
    started_at = time.thread_time()
    html, plain = to_html(f"{WRITTEN}{hostile}x"), to_plain(f"{WRITTEN}{hostile}x")
    assert time.thread_time() - started_at < 1
    assert html.startswith(f"<p>{link('https://a.example', 'https://a.example')}</p>")
    assert not re.search("<(table|li|blockquote|em)>", html)
    assert plain.split() == f"{WRITTEN}{hostile}x".split()


def test_a_long_text_of_a_person_is_rendered() -> None:
    row = "| 14:02 | Checkout | The error rate rose to 4% in Frankfurt |\n"
    table = f"| At | What | |\n|-|-|-|\n{row * 350}\n"
    entries = "- **14:02** [Cards](https://a.example) fail\n" * 400
    html = to_html(table + entries)
    assert (html.count("<tr>"), html.count("<li>"), html.count("<strong>")) == (351, 400, 400)


@pytest.mark.parametrize(
    ("pieces", "html"),
    [
        ([], ""),
        ([("We <b>", False), ("hope", True), (" so", False)], "<p>We &lt;b&gt;<mark>hope</mark> so</p>"),
        ([("We **", False), ("hope", True), ("**", False)], "<p>We <strong><mark>hope</mark></strong></p>"),
        # what spans markup is marked in parts
        ([("We **hope", True), ("** so", False)], "<p><mark>We </mark><strong><mark>hope</mark></strong> so</p>"),
        ([("- ", False), ("a\n- b", True)], "<ul>\n<li><mark>a</mark></li>\n<li><mark>b</mark></li>\n</ul>"),
        # no address is changed
        (
            [("https://a.example/", False), ("soon", True)],
            f"<p>{link('https://a.example/soon', 'https://a.example/<mark>soon</mark>')}</p>",
        ),
        ([("[a](https://a.example/", False), ("x", True), (")", False)], f"<p>{link('https://a.example/x', 'a')}</p>"),
    ],
)  # fmt: skip
def test_a_preview_marks_what_was_found(pieces: list[tuple[str, bool]], html: str) -> None:
    assert str(to_marked_html(pieces)) == html


def test_a_preview_in_plain_text_marks_the_same_pieces() -> None:
    pieces = [("- **What we do:** we are back ", False), ("soon", True), (".\n- *Nothing* is lost.", False)]
    marked = [("- What we do: we are back ", False), ("soon", True), (".\n- Nothing is lost.", False)]
    assert to_marked_plain(pieces) == marked
    assert to_plain("".join(piece for piece, _ in pieces)) == "".join(piece for piece, _ in marked)


@given(st.text("abc1 .-_*[]()<>&!\\`~|#+:/;", max_size=40))
def test_a_literal_text_is_shown_as_it_was_written(text: str) -> None:
    assert to_plain(f"“{literal(text)}” goes on.") == f"“{text}” goes on."


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[tuple[str, str, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {(tag, name, value or "") for name, value in attrs} | {(tag, "", "")}


@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    "<script>",
                    "</p>",
                    "![",
                    "](",
                    ")",
                    "[",
                    "]",
                    "javascript:",
                    "https://a.example",
                    "data:",
                    "//e",
                ),
                *(
                    "`",
                    "```\n",
                    "* ",
                    "**",
                    "_",
                    "# ",
                    "> ",
                    "- ",
                    "1. ",
                    "\n",
                    "\n\n",
                    "|",
                    "|-|-|\n",
                    "<img src=x>",
                ),
                *(
                    "&lt;",
                    "&#106;",
                    "\x00",
                    "\ud800",
                    "\u202e",
                    "x",
                    " ",
                    '"',
                    "'",
                    "onerror=",
                    "<a href='//e'>",
                ),
            ]
        )
        | st.text(max_size=8),
        max_size=30,
    ).map("".join)
)
def test_no_text_becomes_anything_that_runs_or_loads(text: str) -> None:
    parser = _Tags()
    parser.feed(to_html(text))
    for tag, name, value in parser.seen:
        assert tag in {
            *("p", "br", "hr", "strong", "em", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
            *("h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
        }
        assert name in ("", "href", "rel", "start"), (tag, name)
        assert name != "href" or value.startswith(("http://", "https://")), value
    well_formed = re.sub("<(br|hr)>", r"<\1/>", to_html(text))
    ET.fromstring(f"<x>{well_formed}</x>".replace("&nbsp;", " "))
    assert isinstance(to_plain(text), str)


def test_a_mail_has_the_text_as_html_and_as_plain_text() -> None:
    content = {
        "label": "Investigating",
        "at": NOW.isoformat(),
        "body": "We **look**:\n\n- [cards](https://a.example)",
    }
    planned = {**content, "window": [NOW.isoformat(), NOW.isoformat()]}
    paragraphs = update_texts.update_paragraphs(content, [planned], "UTC", ENGLISH)
    envelope = Envelope("a@b.example", "k", Mailbox("", "s@b.example"), "kestrel", "Kestrel", "t")
    mail = message_from_bytes(
        mail_format.compose(MailText("Hi", paragraphs), envelope, NOW), policy=policy.default
    )
    plain, html = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())
    assert "We look:\n\n- cards (https://a.example)" in plain
    assert "<strong>look</strong>" in html
    assert link("https://a.example", "cards") in html
    # an earlier text is introduced, with the window of maintenance
    assert "27 Nov 02:16–02:16 UTC\n\nWe look:" in plain
    assert "Earlier, 27 Nov 2026, 02:16 UTC, Investigating: 27 Nov" in html
