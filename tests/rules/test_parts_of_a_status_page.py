"""What a status page lists: names in its languages, components shown only while affected, and links in the footer."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from firebell.kit.errors import Invalid
from firebell.status_pages import view
from firebell.status_pages.hosting import footer_links
from firebell.status_pages.model import (
    Component,
    ComponentGroup,
    ComponentStatus,
    Effect,
    PageVisibility,
    PartTranslation,
    PublicIncident,
    PublicUpdate,
    Stage,
    StatusPage,
    UpdateKind,
)
from firebell.status_pages.part_translations import rules as part_translations
from firebell.status_pages.public.rendered_documents import StatusDocuments
from firebell.status_pages.public.theme import FooterLink, PageTheme
from firebell.status_pages.snapshot import Snapshot

NOW = datetime(2026, 11, 27, 3, 16, tzinfo=UTC)
PAGE = StatusPage(1, "kestrel", "Kestrel", "UTC", "", "", PageVisibility.PUBLIC, 30, 0, NOW, NOW)
GROUP = ComponentGroup(
    *(3, "group0000001", "Shop", 1, NOW, "Where customers buy"), {"de": PartTranslation("Laden", "")}
)
CHECKOUT = Component(
    *(7, "checkout00001", 3, "Checkout", "Paying by card", 1, date(2026, 11, 1), True, NOW),
    translations={"de": PartTranslation("Kasse", "Zahlen mit Karte"), "fr": PartTranslation("", "Par carte")},
)
ARCHIVE = Component(8, "archive000001", None, "Archive", "", 2, date(2026, 11, 1), True, NOW)
HIDDEN = replace(ARCHIVE, only_if_affected=True)
THEME = PageTheme(
    locales=("de", "fr"), footer_links=(FooterLink("Imprint", "https://kestrel.example/imprint"),)
)


def _snapshot(archive: Component, archive_status: ComponentStatus, ended: timedelta | None) -> Snapshot:
    """Return a page with a component of a group, and an alone one that an incident gave a status."""
    start = NOW - timedelta(hours=5)
    effects = (Effect(archive.id, archive_status, start),)
    updates = [
        PublicUpdate(
            1, "u1", 1, Stage.INVESTIGATING, UpdateKind.UPDATE, "Text", effects, start, None, start, "M"
        )
    ]
    end = None if ended is None else NOW - ended
    if end is not None:
        over = (Effect(archive.id, ComponentStatus.OPERATIONAL, end),)
        last = PublicUpdate(2, "u2", 2, Stage.RESOLVED, UpdateKind.UPDATE, "Over", over, end, None, end, "M")
        updates.append(last)
    incident = PublicIncident(
        1, "h2k9w3c7x1ab", None, "Slow archive", None, start, None, end, 0, tuple(updates)
    )
    return Snapshot(PAGE, (GROUP,), (CHECKOUT, archive), (incident,))


def _page(snapshot: Snapshot, path: str = "") -> str:
    documents = StatusDocuments(view.build(snapshot, NOW), "", "https://status.kestrel.example", THEME)
    document = documents.get(path)
    assert document
    return document.body.decode()


D = ComponentStatus.DEGRADED_PERFORMANCE


def test_a_page_names_its_parts_in_the_language_of_the_reader_and_falls_back_by_text() -> None:
    snapshot = _snapshot(ARCHIVE, D, None)
    german, french = _page(snapshot, "/de"), _page(snapshot, "/fr")
    assert all(text in german for text in ("Kasse", "Zahlen mit Karte", "Laden", "Archive"))
    assert "Paying by card" not in german
    assert '<p class="sm dim" lang="en" dir="auto">Where customers buy</p>' in german
    assert "Par carte" in french
    assert all(text in french for text in (">Checkout<", ">Shop<"))
    own = _page(snapshot)
    assert all(text in own for text in (">Checkout<", ">Shop<", "Paying by card"))
    assert "Kasse" not in own + _page(snapshot, "/api/v2/components.json") + _page(snapshot, "/history.atom")
    assert '"description":"Where customers buy"' in _page(snapshot, "/api/v2/components.json")
    assert all('href="https://kestrel.example/imprint"' in each for each in (own, german))


def test_a_component_that_is_shown_only_while_affected_is_reported_as_long_as_its_trouble_is() -> None:
    affected = _snapshot(HIDDEN, D, None)
    assert ">Archive<" in _page(affected)
    over = _snapshot(HIDDEN, D, timedelta(hours=1))
    assert ">Archive<" not in _page(over)
    assert ">Archive<" in _page(over, "/uptime")
    assert ">Archive<" in _page(over, "/incidents/h2k9w3c7x1ab")
    long_ago = replace(over, incidents=())
    assert ">Archive<" not in _page(long_ago, "/uptime")
    components = _page(long_ago, "/api/v2/components.json")
    assert ('"only_show_if_degraded":true' in components, components.count('"name":"Archive"')) == (True, 1)
    # a group of which nothing is shown has no heading
    alone = replace(long_ago, components=(replace(CHECKOUT, only_if_affected=True),))
    assert (">Shop<" in _page(alone), "No components yet" in _page(alone)) == (False, False)


def test_a_hidden_component_counts_in_the_indicator_so_that_it_never_improves() -> None:
    listed = view.build(_snapshot(ARCHIVE, ComponentStatus.PARTIAL_OUTAGE, None), NOW)
    beside_hidden = replace(
        listed.snapshot, components=(replace(CHECKOUT, only_if_affected=True), listed.snapshot.components[1])
    )
    assert view.build(beside_hidden, NOW).indicator == listed.indicator


def test_coverage_counts_names_and_the_descriptions_that_there_are() -> None:
    parts: list[Component | ComponentGroup] = [GROUP, CHECKOUT, ARCHIVE]
    assert part_translations.coverage(parts, "de") == part_translations.Coverage(3, 5)
    assert part_translations.coverage(parts, "fr").missing == 4
    assert part_translations.named_parts(parts) == {"de": ["Laden", "Kasse", "Archive"]}
    cleared = part_translations.merged(CHECKOUT.translations, "de", PartTranslation())
    assert set(cleared) == {"fr"}


@pytest.mark.parametrize(
    "text",
    [
        "https://kestrel.example",
        "Imprint http://kestrel.example",
        "Imprint javascript:alert(1)",
        "Imprint https://",
        "Imprint https://[",
        f"{'x' * 61} https://kestrel.example",
        f"Imprint https://kestrel.example/{'x' * 500}",
        "Imprint https://a.example\nimprint https://b.example",
        "\n".join(f"Link {number} https://kestrel.example" for number in range(9)),
    ],
)
def test_a_footer_link_needs_a_label_and_an_https_address(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        footer_links.checked_links(footer_links.links_of_text(text))
    assert set(refused.value.fields) == {"footer_links"}


def test_footer_links_are_read_as_they_are_written() -> None:
    links = (FooterLink("Legal notice", "https://kestrel.example/a"), FooterLink("Äs", "https://b.example"))
    text = footer_links.text_of_links(links)
    assert footer_links.checked_links(footer_links.links_of_text(f"\n {text} \n")) == links
