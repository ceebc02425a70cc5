"""A field that the API refuses is explained in words for people, as the same field of a form is."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError

from firebell.kit.errors import Invalid
from firebell.kit.text import NAME_LIMIT, clean_name
from firebell.kit.web.api import ApiInput, Id, ShortName, StrictBool, Text, field_error


class Thing(ApiInput):
    """A body with a field of each kind."""

    name: ShortName = "x"
    note: Annotated[Text, Field(max_length=5)] = ""
    code: Annotated[Text, Field(min_length=3)] = "abc"
    owner_id: Id = 1
    on: StrictBool = True
    level: Literal["low", "high"] = "low"
    tags: Annotated[list[Text] | None, Field(min_length=1, max_length=2)] = None


def errors(**body: Any) -> dict[str, str]:
    with pytest.raises(ValidationError) as refused:
        Thing.model_validate(body)
    return dict(field_error({**error, "loc": ("body", *error["loc"])}) for error in refused.value.errors())


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("note", "123456", "5 characters"),
        ("code", "ab", "3 characters"),
        ("owner_id", 0, "1"),
        ("owner_id", 2**70, str(2**63 - 1)),
        ("owner_id", "x", "number"),
        ("on", "x", "true"),
        ("level", "x", "'high'"),
        ("tags", [], "fill"),
        ("tags", ["a", "b", "c"], "2"),
        ("tags", "x", "list"),
        ("note", 5, "text"),
    ],
)
def test_an_error_names_the_limit_and_not_the_validator(field: str, value: object, named: str) -> None:
    refused = errors(**{field: value})
    assert set(refused) == {field}
    assert named in refused[field]
    assert not {"Value", "Input", "String", "item", "items"} & set(refused[field].split())
    assert refused[field].endswith(".")


@pytest.mark.parametrize("name", ["", "x" * (NAME_LIMIT + 1)])
def test_the_api_and_a_form_say_the_same_about_a_name(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean_name(name, "name")
    assert errors(name=name) == refused.value.fields
