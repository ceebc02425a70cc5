"""Generators of typed clients can use the OpenAPI document, which states what the server accepts."""

import asyncio
import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.text import NAME_LIMIT
from tests.api.api_clients import document_of, key_of, openapi_document, organization
from tests.servers import serve
from tests.world import World

TOOLS = Path(sys.executable).parent
KEYWORDS = {
    *(
        "$ref",
        "additionalProperties",
        "allOf",
        "anyOf",
        "const",
        "contentMediaType",
        "default",
        "description",
    ),
    *("discriminator", "enum", "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "items"),
    *(
        "maxItems",
        "maxLength",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "oneOf",
        "pattern",
        "patternProperties",
        "prefixItems",
    ),
    *(
        "properties",
        "propertyNames",
        "required",
        "title",
        "type",
        "uniqueItems",
        "maxProperties",
        "minProperties",
    ),
}
"""Keywords of JSON Schema that the document may use: anything else is ignored by its readers."""


def schemas(value: Any, *, inside: bool = False) -> Iterator[dict[str, Any]]:
    """Yield every schema of an OpenAPI document."""
    if isinstance(value, list):
        for item in value:
            yield from schemas(item, inside=inside)
    elif isinstance(value, dict):
        if inside:
            yield value
        for key, item in value.items():
            if key in ("schema", "items", "anyOf", "allOf", "oneOf", "prefixItems", "propertyNames"):
                yield from schemas(item, inside=True)
            elif key in ("schemas", "properties") and isinstance(item, dict):
                for schema in item.values():
                    yield from schemas(schema, inside=True)
            elif key not in ("examples", "default", "enum", "const"):
                yield from schemas(item, inside=key == "additionalProperties" and isinstance(item, dict))


async def test_bug_bounds_used_unknown_schema_keywords(dsn: str, clock: FakeClock) -> None:
    described = await openapi_document(dsn, clock)
    every = list(schemas(described))
    assert len(every) > 500
    for schema in every:
        assert set(schema) <= KEYWORDS, schema
        for bound in ("minimum", "maximum"):
            assert isinstance(schema.get(bound, 0), int), schema
    limits = [p for o in described["paths"].values() for p in o.get("get", {}).get("parameters", [])]
    assert {p["schema"]["maximum"] for p in limits if p["name"] == "limit"} == {500}


async def test_bug_two_classes_of_one_name_had_the_names_of_their_modules(dsn: str, clock: FakeClock) -> None:
    schemas = (await openapi_document(dsn, clock))["components"]["schemas"]
    assert not [name for name in schemas if "__" in name]
    assert [schema["title"] for schema in schemas.values()] == list(schemas)


async def test_what_the_schema_allows_in_length_is_accepted(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        longest = "x" * NAME_LIMIT
        for path, body in (
            ("/teams", {"name": longest}),
            ("/services", {"name": longest, "team_id": 1}),
            ("/people", {"name": longest, "email": "x@example.org"}),
            ("/services/checkout/integrations", {"name": longest}),
        ):
            await api("POST", path, body, status=201)
            problem = await api("POST", path, {**body, "name": longest + "x"}, status=422)
            assert problem["errors"][0]["field"] == "name"
        await api("POST", "/services", {"name": "whole", "team_id": 1.0}, status=201)
        await api("POST", "/services", {"name": "part", "team_id": 1.5}, status=422)


async def test_bug_allow_named_one_method_of_several(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        document = await document_of(api)
        for path, operations in document["paths"].items():
            known = path.removeprefix("/api/v1").replace("{", "").replace("}", "")
            for part in ("alert_id", "person_id", "edit_id", "layer_id"):
                known = known.replace(part, "1")
            answer = await api.answer("OPTIONS", known)
            assert answer.status_code == 405
            # /templates/apply is also what /templates/{template_id} could be
            assert {m.upper() for m in operations} <= set(answer.headers["allow"].split(", ")), path
        people = await api.answer("OPTIONS", "/people")
        assert people.headers["allow"] == "GET, POST"
        page = await api.http.request("DELETE", "/incidents/new")
        assert {"GET", "POST"} <= set(page.headers["allow"].split(", "))


async def generate(spec: Path, target: Path) -> str:
    """Generate a client as its users do, and return what the generator said."""
    process = await asyncio.create_subprocess_exec(
        *(TOOLS / "openapi-python-client", "generate", "--path", spec, "--output-path", target),
        *("--meta", "none", "--fail-on-warning"),
        env={**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_a_generated_client_is_complete_and_talks_to_the_product(
    dsn: str, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with organization(dsn, clock) as (w, api):
        described = await document_of(api)
        await talk(w, dsn, clock, described, tmp_path, monkeypatch)


async def talk(
    w: World,
    dsn: str,
    clock: FakeClock,
    described: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Generate a client, check that it is complete, and use it with the running product."""
    spec = tmp_path / "openapi.json"
    spec.write_text(json.dumps(described), encoding="utf-8")
    output = await generate(spec, tmp_path / "generated_firebell")
    assert "warning" not in output.lower()
    files = {path.stem: path for path in (tmp_path / "generated_firebell/api").glob("*/*.py")}
    for path, operations in described["paths"].items():
        for operation in operations.values():
            text = files[operation["operationId"]].read_text(encoding="utf-8")
            # 204 has no content, and the one CSV is text
            untyped = "204" in operation["responses"] or path.endswith(".csv")
            assert untyped or "-> Any | " not in text, f"{path} has an answer without a type"

    monkeypatch.syspath_prepend(str(tmp_path))
    client = importlib.import_module("generated_firebell").AuthenticatedClient
    models = importlib.import_module("generated_firebell.models")

    def function(tag: str, name: str) -> Any:
        return importlib.import_module(f"generated_firebell.api.{tag}.{name}")

    async with serve(dsn) as server:
        key = await key_of(w.ctx.db, clock, w.mara)
        await w.alert()
        async with client(base_url=server.url, token=key, raise_on_unexpected_status=True) as http:
            (page,) = await function("pages", "list_pages").asyncio(client=http, limit=1)
            assert (page.ref, page.state, page.service) == ("PG-1", models.PageState.TRIGGERED, "checkout")
            acked = await function("pages", "acknowledge_page").asyncio(page.ref, client=http)
            assert acked.state is models.PageState.ACKED
            new = models.NewIncident(title="Search is slow", severity="SEV2")
            made = await function("incidents", "declare_incident").asyncio(client=http, body=new)
            assert (made.ref, made.severity) == ("INC-1", "SEV2")
            person = models.NewPerson(name="Ada", email="ada@example.org", role=models.PeopleRole.VIEWER)
            added = await function("people", "create_person").asyncio(client=http, body=person)
            assert added.role is models.PeopleRole.VIEWER
            refused = await function("pages", "get_page").asyncio("PG-99", client=http)
            assert (type(refused), refused.status) == (models.Problem, 404)
    for name in [name for name in sys.modules if name.startswith("generated_firebell")]:
        del sys.modules[name]
