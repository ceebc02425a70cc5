"""The alert rules and the dashboard under `deploy/` name metrics that exist, and the documentation describes both."""

from itertools import combinations
from pathlib import Path

import pytest

from tests.prometheus_files import FAMILIES, dashboard, named_families, queries, rules

DOCS = (Path(__file__).resolve().parent.parent.parent / "docs" / "monitoring.md").read_text(encoding="utf-8")


def test_every_query_names_only_metrics_that_exist() -> None:
    unknown = {
        place: names - FAMILIES for place, query in queries() if (names := named_families(query)) - FAMILIES
    }
    assert not unknown


def test_the_dashboard_is_one_that_grafana_imports() -> None:
    board = dashboard()
    assert board.uid == "firebell"
    assert board.schema_version >= 39
    variables = {variable["name"]: variable["type"] for variable in board.templating.list}
    assert variables == {"datasource": "datasource", "instance": "query"}
    assert len({panel.id for panel in board.panels}) == len(board.panels)
    shown = [panel for panel in board.panels if panel.type != "row"]
    for panel in shown:
        assert panel.type in {"stat", "timeseries"}
        assert panel.description.endswith("."), panel.title
        assert panel.targets, panel.title
        assert {"defaults", "overrides"} <= panel.field_config.keys()
        assert len({target.ref_id for target in panel.targets}) == len(panel.targets)
        for source in (panel.datasource, *(target.datasource for target in panel.targets)):
            assert source == {"type": "prometheus", "uid": "${datasource}"}


def test_no_panel_covers_another() -> None:
    for one, other in combinations((panel.grid_pos for panel in dashboard().panels), 2):
        assert one.x + one.w <= 24
        apart = (
            one.x + one.w <= other.x
            or other.x + other.w <= one.x
            or one.y + one.h <= other.y
            or other.y + other.h <= one.y
        )
        assert apart, (one, other)


def test_every_alert_says_how_bad_it_is_and_what_it_means() -> None:
    alerts = rules()
    assert len({rule["alert"] for rule in alerts}) == len(alerts)
    for rule in alerts:
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "description"}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_alert_is_documented(rule: dict[str, str]) -> None:
    assert f"`{rule['alert']}`" in DOCS


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_metric_is_documented(family: str) -> None:
    assert f"`{family}" in DOCS
