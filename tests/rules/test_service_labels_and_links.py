"""What a service's labels and links may be, and the lines in which a form shows them."""

import pytest

from firebell.catalog.labels_and_links import (
    MAX_LABELS,
    checked_labels,
    checked_links,
    label_lines,
    labels_of_lines,
    link_lines,
    links_of_lines,
)
from firebell.catalog.model import ServiceLink
from firebell.kit.errors import Invalid


def test_lines_are_read_back_as_they_were() -> None:
    labels = {"region": "eu-north", "equation": "a=b", "owner": "Zoë  Ö"}
    assert checked_labels(labels_of_lines(label_lines(labels))) == labels
    links = (
        ServiceLink("Code repository", "https://git.example.org/x"),
        ServiceLink("チャット", "https://c.example"),
    )
    assert checked_links(links_of_lines(link_lines(links))) == links
    assert labels_of_lines("\r\n region = eu \r\n\r\n") == {"region": "eu"}
    assert links_of_lines(" \n") == ()


@pytest.mark.parametrize(
    "text", ["region", "a=", "=x", "1a=x", "a b=x", "a=1\na=2", "é=x", f"{'n' * 64}=x", f"a={'v' * 201}"]
)
def test_a_label_that_no_matcher_could_name_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_labels(labels_of_lines(text))
    assert refused.value.fields.keys() == {"labels"}


def test_a_value_or_title_that_would_be_two_lines_of_the_form_is_refused() -> None:
    for check in (
        lambda: checked_labels({"a": "one\u2028two"}),
        lambda: checked_links([ServiceLink("one\u2029two", "https://x.example")]),
    ):
        with pytest.raises(Invalid):
            check()


@pytest.mark.parametrize(
    "text",
    [
        "https://git.example.org",
        "Code ftp://git.example.org",
        "Code javascript:alert(1)",
        "Code git.example.org",
        "Code https://me:secret@git.example.org",
        "Code https://a.example\ncode https://b.example",
    ],
)
def test_a_link_without_a_title_or_a_web_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_links(links_of_lines(text))
    assert refused.value.fields.keys() == {"links"}


def test_a_service_has_a_bounded_number_of_labels_and_links() -> None:
    with pytest.raises(Invalid):
        checked_labels({f"n{n}": "x" for n in range(MAX_LABELS + 1)})
    with pytest.raises(Invalid):
        checked_links([ServiceLink(f"n{n}", "https://x.example") for n in range(21)])
