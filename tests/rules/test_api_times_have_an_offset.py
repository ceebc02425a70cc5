"""A time without an offset means a different hour to each reader: every field of a request body refuses it."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from firebell.kit.web.api import ApiInput
from firebell.slices import SLICES


def _inputs(of: type[ApiInput] = ApiInput) -> Iterator[type[ApiInput]]:
    for model in of.__subclasses__():
        yield model
        yield from _inputs(model)


def _type(field: FieldInfo) -> Any:
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


def _times() -> dict[str, TypeAdapter[Any]]:
    """Return the fields of all request bodies that are instants."""
    routes = [route for each in SLICES for router in each.routers() for route in router.routes]
    assert any(isinstance(route, APIRoute) for route in routes)
    fields = {
        f"{model.__module__}.{model.__name__}.{name}": TypeAdapter(_type(field))
        for model in _inputs()
        if model.__module__.startswith("firebell.") and not model.__name__.endswith("Shown")
        for name, field in model.model_fields.items()
        if "datetime" in str(field.annotation)
    }
    return {name: adapter for name, adapter in fields.items() if "date-time" in str(adapter.json_schema())}


def _accepts(adapter: TypeAdapter[Any], text: str) -> bool:
    try:
        adapter.validate_python(text)
    except ValidationError:
        return False
    return True


def test_a_time_without_an_offset_is_refused_by_every_field() -> None:
    times = _times()
    assert len(times) > 10
    assert [name for name, each in times.items() if not _accepts(each, "2026-11-30T12:00:00Z")] == []
    assert [name for name, each in times.items() if _accepts(each, "2026-11-30T12:00:00")] == []
