"""How status pages are served: the gate, saved and exported pages, languages, themes and signed requests."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import HTTPConnection

from firebell.kit.errors import Invalid
from firebell.kit.http_out import host_header
from firebell.kit.web import static_files
from firebell.status_pages import archive
from firebell.status_pages.archive import Archive, Month
from firebell.status_pages.hosting import export, gate, logo_files, page_server, s3, saved_pages
from firebell.status_pages.hosting.gate import Admission, Visitor, admission
from firebell.status_pages.hosting.model import PageAccess, PageMirror, SavedPage
from firebell.status_pages.hosting.s3 import Credentials
from firebell.status_pages.model import (
    Component,
    ComponentStatus,
    Effect,
    PageVisibility,
    PublicIncident,
    PublicUpdate,
    Stage,
    StatusPage,
    UpdateKind,
)
from firebell.status_pages.public import theme_colors
from firebell.status_pages.public.languages import ENGLISH, Language, languages
from firebell.status_pages.public.rendered_documents import ASSETS, StatusDocuments, document, sign_in_form
from firebell.status_pages.public.theme import PageLogo, PageTheme
from firebell.status_pages.snapshot import Snapshot

ROOT = Path(__file__).parents[2] / "src/firebell"
NOW = datetime(2026, 11, 27, 3, 16, tzinfo=UTC)
PRIVATE = PageVisibility.PRIVATE


def saved(visibility: PageVisibility = PageVisibility.PUBLIC, theme: PageTheme | None = None) -> SavedPage:
    """Return a page with one open incident."""
    page = StatusPage(
        *(1, "kestrel", "Kestrel", "Europe/Stockholm", "About us", "https://kestrel.example/help"),
        *(visibility, 30, 0, NOW, NOW),
    )
    effects = (Effect(7, ComponentStatus.PARTIAL_OUTAGE, NOW - timedelta(hours=2)),)
    update = PublicUpdate(
        *(1, "u1", 1, Stage.INVESTIGATING, UpdateKind.UPDATE, "We are investigating.", effects, NOW),
        *(NOW + timedelta(minutes=30), NOW, "Mara Lindqvist"),
    )
    incident = PublicIncident(1, "h2k9w3c7x1ab", 214, "Payments fail", None, NOW, None, None, 0, (update,))
    component = Component(
        *(7, "checkout00001", None, "Checkout", "", 1, date(2026, 10, 1), True, NOW, (4711,)),
    )
    snapshot = Snapshot(page, (), (component,), (incident,))
    access = PageAccess("hash", ("10.0.0.0/8",), False, ("feedkeyhash",))
    return SavedPage(
        snapshot,
        NOW,
        "https://status.kestrel.example",
        "status.kestrel.example",
        access,
        theme or PageTheme(),
        "{}\n",
    )


def admitted(access: PageAccess, **visitor: str) -> Admission:
    """Return what a visitor of a private page gets."""
    return admission(PRIVATE, "kestrel", access, Visitor(**visitor), NOW)


def test_a_private_page_admits_only_whom_its_settings_name() -> None:
    assert admission(PageVisibility.UNLISTED, "kestrel", PageAccess(), Visitor(), NOW) is Admission.ADMITTED
    assert admitted(PageAccess()) is Admission.HIDDEN
    by_password = PageAccess("hash")
    assert admitted(by_password) is Admission.MUST_SIGN_IN
    cookie = gate.new_cookie("kestrel", "hash", NOW)
    assert admitted(by_password, cookie=cookie) is Admission.ADMITTED
    assert admitted(PageAccess("another hash"), cookie=cookie) is Admission.MUST_SIGN_IN
    late = NOW + gate.COOKIE_LIFETIME
    assert not gate.is_valid_cookie(cookie, "kestrel", "hash", late)
    assert not gate.is_valid_cookie(cookie, "another", "hash", NOW)
    key = PageAccess("", (), False, (gate.key_hash("secret"),))
    assert (admitted(key, feed_key="secret"), admitted(key, feed_key="wrong")) == (
        Admission.ADMITTED,
        Admission.HIDDEN,
    )
    both = PageAccess("hash", ("10.0.0.0/8", "2001:db8::/32"), False)
    assert admitted(both, address="203.0.113.9", cookie=cookie) is Admission.HIDDEN
    assert admitted(both, address="::ffff:10.1.2.3") is Admission.MUST_SIGN_IN
    assert admitted(both, address="2001:db8::7", cookie=cookie) is Admission.ADMITTED
    assert admitted(replace(both, networks_suffice=True), address="10.1.2.3") is Admission.ADMITTED


def cookie_of(header: str, name: str) -> str:
    """Return a request's cookie as the status page server reads it."""
    scope = {"type": "http", "headers": [(b"cookie", header.encode("latin-1", "replace"))]}
    return HTTPConnection(scope).cookies.get(name, "")


@pytest.mark.parametrize(
    "other",
    ['consent={"ads":false}', "name=Jos\u00e9", "plan=a b", "seen", 'quoted="a,b', "cart[id]=7", "=x"],
)
def test_a_reader_who_knows_the_password_is_let_in_whatever_other_cookies_the_domain_has(other: str) -> None:
    cookie = gate.new_cookie("kestrel", "hash", NOW)
    for header in (f"{other}; fbp-kestrel={cookie}", f"fbp-kestrel={cookie}; {other}"):
        assert cookie_of(header, "fbp-kestrel") == cookie


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_nothing_that_a_stranger_sends_opens_a_private_page(address: str, cookie: str, key: str) -> None:
    access = PageAccess("hash", ("10.0.0.0/8",), False, (gate.key_hash("secret"),))
    visitor = Visitor(address, cookie_of(f"fbp-kestrel={cookie}", "fbp-kestrel"), key)
    assert admission(PRIVATE, "kestrel", access, visitor, NOW) is not Admission.ADMITTED or key == "secret"


def documents(page: SavedPage, base: str = "") -> StatusDocuments:
    """Return the documents of a page as Firebell serves them."""
    return page_server.build(page).documents[base]


def _body(served: StatusDocuments, path: str) -> bytes:
    rendered = served.get(path)
    assert rendered is not None, path
    return rendered.body


def test_a_page_has_the_same_bytes_served_exported_and_after_a_restart_without_a_database(
    tmp_path: Path,
) -> None:
    """S9."""
    page = saved(theme=PageTheme("#0a7ea4", "en", ("de", "ar"), PageLogo(b"png", "image/png")))
    served = documents(page)
    saved_pages.write(tmp_path / "data", page)
    later = NOW + timedelta(minutes=1)
    saved_pages.write_as_of(tmp_path / "data", later)
    restored = saved_pages.read(tmp_path / "data")["kestrel"]
    assert restored == replace(page, as_of=later)
    again = documents(replace(restored, as_of=NOW))
    written = export.write(page, tmp_path / "www")
    assert written[-2:] == ["index.html", "as-of.json"]
    for path in served.paths():
        file = tmp_path / "www" / path.lstrip("/")
        exported = (file / "index.html" if file.is_dir() else file).read_bytes()
        assert _body(served, path) == _body(again, path) == exported, path
    assert export.write(page, tmp_path / "www") == []
    aged = replace(page, as_of=later)
    again_written = export.write(aged, tmp_path / "www")
    assert (again_written[-1], "history/index.html" in again_written) == ("as-of.json", False)
    assert export.read(tmp_path / "www").as_of == later
    assert (tmp_path / "data" / "kestrel.json").stat().st_mode & 0o077 == 0


def test_an_export_has_nothing_that_only_the_organization_knows() -> None:
    for file in export.files(saved()):
        for secret in (b"Mara", b"4711", b"feedkeyhash", b"10.0.0.0", b'incident_id":214'):
            assert secret not in file.body, (file.path, secret)
    assert not export.is_exportable(saved(PRIVATE))


def with_archive(page: SavedPage, *published: datetime) -> SavedPage:
    """Return a page that published these incidents before its snapshot, each over an hour later."""
    [incident] = page.snapshot.incidents
    old = tuple(
        replace(
            incident,
            public_id=f"archived{number:04}",
            name=f"Outage {number}",
            published_at=at,
            resolved_at=at + timedelta(hours=1),
        )
        for number, at in enumerate(published)
    )
    snapshot = replace(page.snapshot, history_start=min(published))
    return replace(page, snapshot=snapshot, archive=Archive(old))


def test_months_follow_each_other_from_the_first_incident_to_now() -> None:
    # 1 March in Stockholm, still February in UTC
    page = with_archive(saved(), datetime(2026, 2, 28, 23, 30, tzinfo=UTC), NOW - timedelta(days=100))
    listed = archive.months(page.snapshot, NOW)
    assert [str(month) for month in (listed[0], listed[-1])] == ["2026-03", "2026-11"]
    assert archive.months(replace(page.snapshot, history_start=None), NOW) == listed[-1:]
    # imported with a time that is not here yet
    assert archive.months(replace(page.snapshot, history_start=NOW + timedelta(days=90)), NOW) == listed[-1:]
    assert [str(Month(2026, month).next) for month in (11, 12)] == ["2026-12", "2027-01"]
    assert [str(Month(2026, month).previous) for month in (1, 12)] == ["2025-12", "2026-11"]
    for wrong in ("", "2026", "2026-13", "2026-00", "0000-01", "2026-1", "2026-011", "٢٠٢٦-٠١", "2026-01/"):
        assert archive.parse_month(wrong) is None, wrong


def test_history_by_month_and_old_permalinks_are_served_and_exported(tmp_path: Path) -> None:
    theme = PageTheme(locale="en", locales=("ar",))
    page = with_archive(saved(theme=theme), datetime(2026, 5, 3, tzinfo=UTC), NOW - timedelta(days=100))
    served = documents(page)
    for path, needed in (
        ("/history/2026-05", Month(2026, 5)),
        ("/ar/history/2026-06", Month(2026, 6)),
        # older than the history, in the future, and what the snapshot has
        *(("/history/2026-04", None), ("/history/2026-12", None), ("/history/2026-11", None)),
        *(("/incidents/archived0000", "archived0000"), ("/maintenance/archived0000", "archived0000")),
        *(("/incidents/h2k9w3c7x1ab", None), ("/incidents/no", None), ("/history/x", None), ("", None)),
    ):
        assert served.missing(path) == needed, path
        assert (served.get(path) is None) == (needed is not None or path.endswith(("04", "12", "no", "x")))
    written = export.write(page, tmp_path)
    assert {
        "history/2026-05/index.html",
        "ar/history/2026-05/index.html",
        "incidents/archived0000/index.html",
    } <= {*written}
    may, november = (
        (tmp_path / f"history/2026-{month}/index.html").read_text(encoding="utf-8") for month in ("05", "11")
    )
    assert ("/incidents/archived0000" in may, "/incidents/archived0001" in may) == (True, False)
    assert re.findall(r'rel="(prev|next)" href="([^"]+)"', may) == [("next", "/history/2026-06")]
    assert re.findall(r'rel="(prev|next)" href="([^"]+)"', november) == [("prev", "/history/2026-10")]
    # the first month and the one of the snapshot's incident
    assert "/incidents/h2k9w3c7x1ab" in november
    assert saved_pages.decode(saved_pages.encode(page)) == page
    exported = saved_pages.public_copy(page).archive
    assert {update.actor for incident in exported.incidents for update in incident.updates} == {""}
    assert {incident.incident_id for incident in exported.incidents} == {None}
    assert page.archive.get("archived0001", "UTC").incidents == page.archive.incidents[1:]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"format":1}', b'{"format":2,"page":null}'])
def test_a_damaged_file_is_no_page(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"saved status page"):
        saved_pages.decode(data)
    (tmp_path / "kestrel.json").write_bytes(data)
    saved_pages.write(tmp_path, replace(saved(), as_of=NOW))
    (tmp_path / "damaged.json").write_bytes(data)
    assert list(saved_pages.read(tmp_path)) == ["kestrel"]
    saved_pages.remove_others(tmp_path, [])
    assert saved_pages.read(tmp_path) == {}


def _strings() -> Iterator[str]:
    """Yield the English strings of the public pages."""
    for path in [
        *(ROOT / "templates/status_pages").glob("public*.html"),
        *(ROOT / "templates/subscribers").glob("public*.html"),
        ROOT / "templates/subscribers/scope_parts.html",
        ROOT / "status_pages/public/rendered_documents.py",
        ROOT / "subscribers/messages/delivery_texts.py",
        ROOT / "subscribers/messages/update_texts.py",
        ROOT / "audiences/posts/mailer.py",
    ]:
        text = path.read_text(encoding="utf-8")
        yield from (
            double or single for double, single in re.findall(r"""\bt\(\s*(?:"([^"]+)"|'([^']+)')""", text)
        )
    from firebell.status_pages.maintenance_windows.model import MAINTENANCE_STAGE_LABELS
    from firebell.status_pages.model import STAGE_LABELS, STATUS_LABELS
    from firebell.status_pages.publishing import taking_over
    from firebell.subscribers.broadcasts import maintenance_broadcasts
    from firebell.subscribers.messages import update_texts
    from firebell.subscribers.model import CHANNEL_LABELS, KIND_LABELS, STATE_LABELS
    from firebell.subscribers.subscribing.scope_input import IMPACT_OPTIONS

    yield from (*STAGE_LABELS.values(), *STATUS_LABELS.values(), *MAINTENANCE_STAGE_LABELS.values())
    yield from ("Emergency", "Short notice", taking_over.UPDATE_TEXT, taking_over.FINAL_TEXT)
    yield from (*CHANNEL_LABELS.values(), *STATE_LABELS.values(), *KIND_LABELS.values())
    yield from (label for _, label in IMPACT_OPTIONS)
    yield from maintenance_broadcasts.LABELS
    yield from ("{label}: {value}", "{components}.", "{components}. {rest}")
    yield from update_texts.PRIVATE_CONTENT


def test_every_language_has_every_string_with_its_placeholders() -> None:
    strings = set(_strings())
    for language in languages().values():
        if language is ENGLISH:
            continue
        assert strings <= set(language.texts), language.code
        for english, text in language.texts.items():
            assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", text)), text
        assert (len(language.months), set(language.units)) == (12, {"d", "h", "min", "s"})
    assert {"de", "fr", "es", "it", "pt", "nl", "sv", "pl", "ja", "ar"} <= set(languages())
    assert [languages()[code].inline("Partial outage") for code in ("en", "de")] == [
        "partial outage",
        "Teilausfall",
    ]
    assert [each.code for each in languages().values() if each.direction == "rtl"] == ["ar"]


def test_a_page_is_shown_in_its_languages_and_says_in_which() -> None:
    served = documents(saved(theme=PageTheme(locale="de", locales=("en", "ar", "xx"))))
    home, arabic, english = (_body(served, path) for path in ("", "/ar", "/en/history"))
    assert b'<html lang="de">' in home
    assert b'<html lang="ar" dir="rtl">' in arabic
    assert b'href="/ar/incidents/h2k9w3c7x1ab"' in arabic
    assert b'lang="de" dir="auto"' in arabic
    assert b'<html lang="en">' in english
    for path in ("/de", "/xx", "/ar/history.atom", "/ar/ar", "/fr"):
        assert served.get(path) is None, path


@pytest.mark.parametrize("language", languages().values(), ids=list(languages()))
def test_every_time_carries_its_zone(language: Language) -> None:
    """S22."""
    for at in (NOW, NOW - timedelta(days=200)):
        assert re.search(r"\d\d:\d\d CES?T$", language.clock(at, "Europe/Stockholm", NOW))
    assert language.day(NOW, "UTC") != language.day(NOW - timedelta(days=1), "UTC")


def test_durations_have_their_two_largest_units() -> None:
    expected = {0: "0 s", 59: "59 s", 60: "1 min", 3661: "1 h 1 min", 86_400: "1 d", 90_061: "1 d 1 h"}
    assert {s: ENGLISH.duration(timedelta(seconds=s)) for s in expected} == expected


@given(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True))
def test_every_accent_is_readable_in_light_and_dark(color: str) -> None:
    for background in (theme_colors.LIGHT, theme_colors.DARK):
        readable = theme_colors.readable(color, background)
        assert theme_colors.contrast(readable, background) >= theme_colors.MIN_CONTRAST
        if theme_colors.contrast(color, background) >= theme_colors.MIN_CONTRAST:
            assert readable == color


def test_a_logo_cannot_carry_a_script_or_load_anything() -> None:
    evil = (
        '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"'
        ' onload="alert(1)"><script>alert(1)</script><style>@import url(//x)</style><foreignObject><b>x</b>'
        '</foreignObject><image href="//x"/><use href="#a"/><path d="M0 0h9" fill="url(//x)" style="x" id="a"/></svg>'
    )
    logo = logo_files.checked_logo(evil.encode())
    assert logo.media_type == "image/svg+xml"
    for bad in (b"script", b"alert", b"//x", b"style", b"onload", b"href", b"foreign", b"ENTITY"):
        assert bad not in logo.data, bad
    assert b'viewBox="0 0 9 9"' in logo.data
    assert b'd="M0 0h9"' in logo.data
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (64).to_bytes(4) + (64).to_bytes(4) + b"rest"
    assert logo_files.checked_logo(png) == PageLogo(png, "image/png")
    huge = png[:16] + (30_000).to_bytes(4) + png[20:]
    for refused in (huge, b"GIF89a", b"", b"\xff\xfe<svg", b"x" * 200_001, png[:20]):
        with pytest.raises(Invalid):
            logo_files.checked_logo(refused)


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "signature"),
    [
        (
            *("GET", "/test.txt", b"", {"Range": "bytes=0-9"}),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            *("PUT", "/test%24file.text", b"Welcome to Amazon S3."),
            {"Date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
    ],
)
def test_requests_to_buckets_are_signed_as_amazon_documents(
    method: str, path: str, body: bytes, headers: dict[str, str], signature: str
) -> None:
    # the host is signed as the client sends it
    for host in (
        "examplebucket.s3.amazonaws.com",
        "ExampleBucket.s3.amazonaws.com",
        "examplebucket.s3.amazonaws.com:443",
    ):
        signed = s3.signed_headers(
            *(method, f"https://{host}{path}", body, headers),
            host=host_header(f"https://{host}{path}"),
            region="us-east-1",
            credentials=Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            now=datetime(2013, 5, 24, tzinfo=UTC),
        )
        assert signed["authorization"].endswith(f"Signature={signature}")
    assert s3.object_url("https://s3.example/", "b", "a b/ü.txt") == "https://s3.example/b/a%20b/%C3%BC.txt"


def test_a_mirror_is_late_after_five_minutes() -> None:
    mirror = PageMirror(1, 1, "https://x", "https://y", "r", "b", "", "k", NOW, None, 0, "")
    assert not mirror.is_late(NOW + timedelta(minutes=5))
    assert mirror.is_late(NOW + timedelta(minutes=5, seconds=1))
    assert not replace(mirror, pushed_at=NOW + timedelta(minutes=4)).is_late(NOW + timedelta(minutes=9))


def test_the_form_of_a_private_page_says_nothing_of_it() -> None:
    page = saved(PRIVATE)
    form = sign_in_form("/s/kestrel", page.theme).body
    for text in (b"Checkout", b"Payments", b"About us"):
        assert text not in form
    assert msgspec.json.decode(_body(documents(page), "/status.json"))["worst"] == "partial_outage"


def test_the_first_view_of_a_page_weighs_at_most_60_kb_with_its_fonts() -> None:
    page = saved(theme=PageTheme("#0a7ea4"))
    component = page.snapshot.components[0]
    six = tuple(replace(component, id=number, public_id=f"c{number}") for number in range(7, 13))
    served = documents(replace(page, snapshot=replace(page.snapshot, components=six)))
    home = served.get("")
    style = served.get("/theme.css")
    assert home is not None
    assert style is not None
    files = [document(static_files.read(name), kind) for name, kind in ASSETS.items() if "mono" not in name]
    assert len(home.gzipped) <= 12_000
    assert sum(len(each.gzipped) for each in (home, style, *files)) <= 60_000


@pytest.mark.parametrize(
    ("address", "is_outside"),
    [
        ("8.8.8.8", True),
        ("::ffff:8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("::ffff:192.168.1.1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("224.0.0.1", False),
        ("testclient", False),
        ("", False),
    ],
)
def test_only_an_address_of_the_public_internet_is_outside(address: str, is_outside: bool) -> None:
    assert gate.is_outside(address) is is_outside
