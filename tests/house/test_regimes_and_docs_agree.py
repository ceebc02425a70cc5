"""The reference of regulatory clocks says what the data files say."""

from tools import regimes_doc

from firebell.regulatory.regimes.files import catalog


def test_the_page_has_every_regime_and_limit_as_in_the_data() -> None:
    page = regimes_doc.PAGE.read_text(encoding="utf-8")
    assert regimes_doc.with_tables(page) == page, "run tools/regimes_doc.py"
    assert page.count("**not verified**") == sum(
        not one.checked for regime in catalog().regimes.values() for one in regime.obligations
    )


def test_the_world_outside_the_eu_the_uk_and_the_us_is_off_by_default() -> None:
    on = {regime.jurisdiction for regime in catalog().regimes.values() if regime.is_on}
    states = {"California", "New York", "Texas", "Florida", "Colorado"}
    assert on == {"European Union", "United Kingdom", "United States", "Any", *states}
    off = {regime.jurisdiction for regime in catalog().regimes.values() if not regime.is_on}
    assert {"Australia", "Canada", "Switzerland", "India", "Singapore", "Japan", "Brazil"} <= off
