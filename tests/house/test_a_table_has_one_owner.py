"""Only the slice that owns a table writes or locks it, and slices below it do not read it."""

from configparser import ConfigParser
from pathlib import Path

import pytest

from firebell.slices import SLICES, function_owners, owners
from tests.house.source import ROOT, SRC, modules
from tests.house.sql import Use, calls, functions, relations, statements, table_uses, uses

OWNERS = owners()
FUNCTION_OWNERS = function_owners()
VIEWS = {name for each in SLICES for name in each.views}


def _layers() -> dict[str, int]:
    """Return the layer of each module of .importlinter, the lowest first; modules of one layer are siblings."""
    config = ConfigParser()
    config.read(ROOT / ".importlinter")
    lines = config["importlinter:contract:layers"]["layers"].strip().splitlines()
    return {
        name.strip().removeprefix("firebell."): height
        for height, line in enumerate(reversed(lines))
        for name in line.split("|")
    }


LAYERS = _layers()


def _module(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def test_every_table_and_view_of_the_migrations_has_an_owner() -> None:
    assert set(OWNERS) == relations()
    assert set(OWNERS.values()) <= set(LAYERS)


def test_a_view_for_lower_slices_has_a_reason_and_a_reader() -> None:
    readers = {(use.table, _module(path)) for path, _, use in table_uses()}
    readers |= {(use.table, FUNCTION_OWNERS[name]) for name, use in _function_uses()}
    for each in SLICES:
        for view, reason in each.views.items():
            assert reason.endswith("."), view
            below = [m for name, m in readers if name == view and LAYERS[m] < LAYERS[each.name]]
            assert below, f"nothing below {each.name} reads {view}"


def test_only_the_owner_writes_and_locks_a_table() -> None:
    strangers = [
        f"{path.relative_to(SRC)}:{line}: {use.how} of {use.table}, which {OWNERS[use.table]} owns"
        for path, line, use in table_uses()
        if use.how != "read" and _module(path) != OWNERS[use.table]
    ]
    assert not strangers, "\n".join(strangers)


def test_a_slice_reads_no_table_of_a_slice_above_or_beside_it() -> None:
    upward = [
        f"{path.relative_to(SRC)}:{line} reads {use.table}, which {OWNERS[use.table]} owns"
        for path, line, use in table_uses()
        if use.table not in VIEWS
        and _module(path) != OWNERS[use.table]
        and LAYERS[_module(path)] <= LAYERS[OWNERS[use.table]]
    ]
    assert not upward, "\n".join(upward)


def _function_uses() -> list[tuple[str, Use]]:
    return [(name, use) for name, body in functions().items() for use in uses(body, relations())]


def test_every_function_of_the_migrations_has_an_owner() -> None:
    assert set(FUNCTION_OWNERS) == set(functions())


def test_a_function_writes_and_locks_tables_of_its_owner_and_reads_none_above() -> None:
    strangers = [
        f"{name}: {use.how} of {use.table}, which {OWNERS[use.table]} owns"
        for name, use in _function_uses()
        if OWNERS[use.table] != FUNCTION_OWNERS[name]
        and (
            use.how != "read"
            or (use.table not in VIEWS and LAYERS[OWNERS[use.table]] >= LAYERS[FUNCTION_OWNERS[name]])
        )
    ]
    assert not strangers, "\n".join(strangers)


def test_a_function_is_called_by_its_owner_and_by_functions_of_slices_above() -> None:
    strangers = [
        f"{path.relative_to(SRC)}:{line} calls {name}, which {FUNCTION_OWNERS[name]} owns"
        for path, tree in modules()
        for line, text in statements(tree)
        for name in calls(text)
        if _module(path) != FUNCTION_OWNERS[name]
    ]
    strangers += [
        f"{caller} calls {name}, which {FUNCTION_OWNERS[name]} owns"
        for caller, body in functions().items()
        for name in calls(body)
        if LAYERS[FUNCTION_OWNERS[caller]] < LAYERS[FUNCTION_OWNERS[name]]
    ]
    assert not strangers, "\n".join(strangers)


TABLES = frozenset({"page", "person", "page_owner"})


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("insert into page (id) select id from person", ["write page", "read person"]),
        ("update page set state = $1 from person p where p.id = page.id", ["write page", "read person"]),
        ("update page as p set a = 1", ["write page"]),
        ("insert into page values (1) on conflict (id) do update set a = 1", ["write page"]),
        ("delete from page using person where true", ["write page", "read person"]),
        ("truncate page", ["write page"]),
        ("select 1 from page p, person", ["read page", "read person"]),
        (
            "select * from page join person on true for update",
            ["read page", "read person", "lock page", "lock person"],
        ),
        (
            "select * from page join person h on true for no key update of h",
            ["read page", "read person", "lock person"],
        ),
        (
            "select * from page where id in (select id from person) for key share",
            ["read page", "read person", "lock page"],
        ),
        ("with person as (select 1) select * from person, page_owner", ["read page_owner"]),
        (
            "select extract(epoch from page) -- from person\n from page_owner where a = 'from page'",
            ["read page_owner"],
        ),
        ("select 1 where a is distinct from page", []),
        ("lock table page in share mode", ["lock page"]),
    ],
)
def test_uses_of_tables_are_read_off_the_statement(sql: str, expected: list[str]) -> None:
    assert sorted(f"{use.how} {use.table}" for use in uses(sql, TABLES)) == sorted(expected)


def test_a_statement_across_lines_is_found() -> None:
    assert list(uses("\n  update\n    page\n  set a = 1\n", TABLES)) == [Use("page", "write")]
