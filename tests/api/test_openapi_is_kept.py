"""The running product does what the OpenAPI document promises, whatever it receives."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from firebell.handoffs import actions as handoffs
from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.oncall.schedules import queries as oncall
from firebell.people.model import SCOPES
from firebell.postmortems import actions as postmortems
from tests.api.api_clients import key_of, openapi_document
from tests.servers import serve
from tests.world import world

CHECKS: list[Callable[..., bool | None]] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
EXAMPLES = 3
LARGE = 8_192
"""Characters: no example is longer, because it is made of 8 KiB."""
EXPORT = ["text/markdown", "text/html", "application/pdf", "application/json"]
NOT_JSON = (["text/csv"], ["text/plain"], ["text/markdown"], ["application/octet-stream"], EXPORT)
"""The media types of exports and of attachments, which are what people uploaded."""
ANY_TEXT = r"^[^\u0000]*$"
"""The pattern of texts that may be anything that PostgreSQL can store."""
LIMITS = {"enum", "format", "maxLength"}
KEPT = ("revoke_key", "change_person", "revoke_access")
"""Operations that could end the key of the test itself."""
SLUGS = {
    "incident-fields": "region",
    "services": "checkout",
    "schedules": "payments-primary",
    "policies": "payments",
    "runbooks": "database-failover",
    "status-pages": "kestrel",
    "audiences": "customers",
    "post-mortems": "summary",
}


def _known(path: str) -> dict[str, str]:
    """Return values for the variables of a path that lead to something that exists."""
    values = {
        "day": "2026-11-30",
        "ref": "1",
        "template_id": "update-first",
        "slug": SLUGS.get(path.split("/")[3], ""),
        "urgency": "high",
        "regime_id": "eu-gdpr",
        "name": "needs",
        "audience": "customers",
    }
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return {name: values.get(name, "1") for name in names}


def _without_large_bounds(schema: Any) -> Any:
    """Return a document without bounds on texts that no example reaches.

    The generator puts each bound into the pattern beside it, and compiles that for seconds before it gives up.
    """
    if isinstance(schema, list):
        return [_without_large_bounds(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    is_large = "pattern" in schema and schema.get("maxLength", 0) >= LARGE
    return {
        name: _without_large_bounds(value)
        for name, value in schema.items()
        if not (is_large and name == "maxLength")
    }


def _is_any_text(parameter: Any) -> bool:
    """Return True for a variable of a path that may be any text: what no text may have is left to other tests."""
    schema = parameter["schema"]
    is_text = parameter["in"] == "path" and schema.get("type") == "string"
    return is_text and schema.get("pattern", ANY_TEXT) == ANY_TEXT and not schema.keys() & LIMITS


def _can_break(operation: Any) -> bool:
    """Return True if something about a request can be other than the document says."""
    return "requestBody" in operation or not all(map(_is_any_text, operation.get("parameters", ())))


def _run(url: str, key: str) -> tuple[int, list[str]]:
    # the key of the test takes the place of one that is generated, so that a case that breaks only that breaks nothing
    generation = GenerationConfig(deterministic=True, with_security_parameters=False)
    config = SchemathesisConfig(
        seed=2026, projects=ProjectsConfig(default=ProjectConfig(base_url=url, generation=generation))
    )
    document = httpx.get(f"{url}/api/v1/openapi.json", timeout=60).json()
    schema = schemathesis.openapi.from_dict(_without_large_bounds(document), config=config)
    headers = {"Authorization": f"Bearer {key}"}
    calls, errors = 0, []

    def check(case: Any) -> None:
        nonlocal calls
        calls += 1
        case.call_and_validate(headers=headers, checks=CHECKS, timeout=60)

    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        if operation.definition.raw["operationId"] in KEPT:
            continue
        for mode in GenerationMode:
            is_negative = mode is GenerationMode.NEGATIVE
            if is_negative and not _can_break(operation.definition.raw):
                continue
            there = None if is_negative else _known(operation.path)
            cases = operation.as_strategy(generation_mode=mode, path_parameters=there)
            examine = settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                derandomize=True,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            )(given(case=cases)(check))
            try:
                examine()
            except BaseExceptionGroup as group:
                errors += [f"{operation.label}: {error}" for error in group.exceptions]
    return calls, errors


async def test_every_operation_keeps_its_promises(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, serve(dsn) as server:
        key, mara = await key_of(w.ctx.db, clock, w.mara), await w.actor(w.mara)
        await w.alert()
        async with w.ctx.db.tx() as tx:
            await incidents.declare(tx, mara, title="Down", severity=0, page_id=1, now=w.now)
            await postmortems.start(tx, SYSTEM, 1, w.now)
            schedule = await oncall.by_slug(tx, SLUGS["schedules"])
            change = handoffs.next_change(schedule, w.now)
            assert change
            await handoffs.draft_change(tx, schedule, change, w.now)
        calls, errors = await asyncio.to_thread(_run, server.url, key)
    assert errors == []
    assert calls > 250


async def test_the_document_describes_every_answer(dsn: str, clock: FakeClock) -> None:
    document = await openapi_document(dsn, clock)
    operations = [o for path in document["paths"].values() for o in path.values()]
    names = [o["operationId"] for o in operations]
    assert len(set(names)) == len(names) > 60
    assert {"list_pages", "acknowledge_page", "declare_incident", "dry_run_policy"} <= set(names)
    for operation in operations:
        assert operation["summary"], operation["operationId"]
        assert set(operation["security"][0]["key"]) <= set(SCOPES)
        assert {"401", "403", "422", "503"} <= set(operation["responses"])
        for status, answer in operation["responses"].items():
            content = answer.get("content", {})
            if status >= "400":
                assert list(content) == ["application/problem+json"], operation["operationId"]
            elif status != "204" and content and list(content) not in NOT_JSON:
                schema = content["application/json"]["schema"]
                assert "$ref" in schema or "$ref" in schema.get("items", {}), operation["operationId"]
    assert document["components"]["schemas"]["Problem"]["required"] == [
        *("type", "title", "status", "detail", "instance"),
    ]


async def test_the_docs_list_every_scope_and_link_the_api_reference(dsn: str, clock: FakeClock) -> None:
    document = await openapi_document(dsn, clock)
    manual = (Path(__file__).parents[2] / "docs/api.md").read_text(encoding="utf-8")
    rows = "\n".join(line for line in manual.splitlines() if line.startswith("| `"))
    used = {
        scope
        for operations in document["paths"].values()
        for operation in operations.values()
        for scope in operation["security"][0]["key"]
    }
    assert set(re.findall(r"`(\w+:\w+|admin)`", rows)) == used
    assert "`/api/v1/openapi.json`" in manual
