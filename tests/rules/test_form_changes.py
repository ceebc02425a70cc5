"""What a person changed in a form that someone else may have saved since it was opened."""

import pytest

from firebell.kit.web.form_changes import changes


@pytest.mark.parametrize(
    ("submitted", "stored", "values", "changed", "overtaken"),
    [
        # Ana added a label after Ben had opened the form, and Ben corrects the runbook
        (
            {"labels": "a=1", "was_labels": "a=1", "url": "new", "was_url": "old"},
            {"labels": "a=1\nb=2", "url": "old"},
            {"labels": "a=1\nb=2", "url": "new"},
            {"url"},
            set(),
        ),
        # both changed the labels
        (
            {"labels": "a=3", "was_labels": "a=1", "url": "old", "was_url": "old"},
            {"labels": "a=1\nb=2", "url": "old"},
            {"labels": "a=3", "url": "old"},
            {"labels"},
            {"labels"},
        ),
        # both to the same, and one to nothing
        (
            {"a": "2", "was_a": "1", "b": "", "was_b": "x"},
            {"a": "2", "b": "x"},
            {"a": "2", "b": ""},
            {"a", "b"},
            set(),
        ),
        ({"a": "", "was_a": "1"}, {"a": "2"}, {"a": ""}, {"a"}, {"a"}),
        # a browser sends other line endings, and a script may send no first values
        ({"a": "x\r\ny\r\n", "was_a": "x\r\ny"}, {"a": "x\ny"}, {"a": "x\ny"}, set(), set()),
        ({"a": "2", "was_c": "3"}, {"a": "1", "b": "x"}, {"a": "2", "b": ""}, {"a", "b"}, set()),
        ({}, {"a": ""}, {"a": ""}, set(), set()),
    ],
)
def test_a_form_keeps_what_others_saved_and_names_what_both_changed(
    submitted: dict[str, str],
    stored: dict[str, str],
    values: dict[str, str],
    changed: set[str],
    overtaken: set[str],
) -> None:
    result = changes(submitted, stored)
    assert result.values == values
    assert result.changed == changed
    assert result.overtaken == overtaken
