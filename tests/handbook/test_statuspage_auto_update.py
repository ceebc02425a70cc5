"""statuspage-auto-update.py from a real Firebell, or from Alertmanager, to a page that refuses what Statuspage does."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, key_of
from tests.handbook.readers import SKILL, module, run
from tests.handbook.stand_ins import statuspage as sp
from tests.handbook.stand_ins.server import Answer, Fault, Served, served
from tests.servers import free_port, serve
from tests.world import world

SCRIPT = "examples/integrations/statuspage-auto-update.py"
REAL = SKILL / "examples" / "communication-templates.md"
TEXTS = """# Templates

## Status page

### Investigating

`status-investigating` · Public.

```markdown
We are sorry: {{impact}}

We noticed this at {{detected_at}}. Next update by {{next_update}}. Times are in {{tz}}.
You can: {{workaround}}
```

### Identified

`status-identified` · Public.

````text
We know what is wrong: {{impact}}
What we found: {{cause}}
````

### Monitoring

`status-monitoring` · Public.

```markdown
It works again since {{impact_end}}.
Thank you, says {{organization}}.
```

### Resolved

`status-resolved` · Public.

```markdown
This is over.
```
"""
MAP = f"""
page = "{sp.PAGE}"
[services.checkout]
component = "8kbf7d35c070"
name = "Checkout"
impact = "some card payments fail"
workaround = "pay by invoice"
[services.search]
component = "vtnh60py4yd7"
name = "Search"
"""


@dataclass
class Desk:
    """The environment of the script: its files, its status page, and the pauses it made."""

    folder: Path
    page: sp.Statuspage
    api: Served
    slept: list[float]

    def write(self, settings: str) -> None:
        """Write the mapping file."""
        (self.folder / "page.toml").write_text(settings)

    def __call__(self, *args: str, code: int = 0) -> None:
        """Run the script in this process, against its page."""
        script = module(SCRIPT)
        argv = ["--map", str(self.folder / "page.toml"), "--statuspage-api", self.api.url, *args]
        if "--templates" not in args:
            argv += ["--templates", str(self.folder / "templates.md")]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(script.start, "__defaults__", (self.slept.append,))
            assert script.main(argv) == code

    def alert(self, *args: str, code: int = 0, **more: Any) -> None:
        """Send a notification of Alertmanager."""
        file = self.folder / "alert.json"
        file.write_text(json.dumps(alertmanager(**more)))
        self("--alertmanager", str(file), *args, code=code)

    @property
    def writes(self) -> list[str]:
        """The calls that changed the page."""
        return [f"{r.verb} {r.path.rpartition('/incidents')[2]}" for r in self.api.got if r.verb != "GET"]

    @property
    def post(self) -> dict[str, Any]:
        """The only incident of the page."""
        (incident,) = self.page.incidents
        return incident


def alertmanager(
    status: str = "firing",
    severity: str = "critical",
    service: str = "checkout",
    title: str = "CheckoutFails",
    group: str = '{}:{alertname="CheckoutFails"}',
) -> dict[str, Any]:
    """Return a webhook body, version 4, as Alertmanager 0.25 sends it."""
    ends = "2026-11-24T03:40:00Z" if status == "resolved" else "0001-01-01T00:00:00Z"
    labels = {"alertname": title, "severity": severity, "service": service}
    return {
        "version": "4",
        "groupKey": group,
        "status": status,
        "receiver": "page",
        "groupLabels": {"alertname": title},
        "commonLabels": labels,
        "commonAnnotations": {"summary": title},
        "externalURL": "http://alertmanager:9093",
        "alerts": [
            {
                "status": status,
                "labels": labels,
                "annotations": {},
                "startsAt": "2026-11-24T03:12:00.5Z",
                "endsAt": ends,
                "generatorURL": "",
                "fingerprint": "1",
            }
        ],
    }


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk with a mapping file and templates."""
    monkeypatch.setenv("STATUSPAGE_KEY", sp.KEY)
    (tmp_path / "templates.md").write_text(TEXTS)
    page = sp.Statuspage()
    with served(page) as api:
        new_desk = Desk(tmp_path, page, api, [])
        new_desk.write(MAP)
        yield new_desk


def test_an_alert_is_posted_once(desk: Desk) -> None:
    for _ in range(3):
        desk.alert()
    assert desk.writes == ["POST "]
    assert desk.post["name"] == "Checkout: disruption"
    assert (desk.post["status"], desk.post["impact_override"]) == ("investigating", "major")
    assert desk.page.components["8kbf7d35c070"] == "partial_outage"
    assert desk.post["incident_updates"][0]["body"] == (
        "We are sorry: some card payments fail.\n\n"
        "We noticed this at 03:12. Times are in UTC.\n"
        "You can: pay by invoice"
    )


def test_the_script_never_resolves_without_the_option(desk: Desk) -> None:
    desk.alert()
    for _ in range(2):
        desk.alert(status="resolved")
    assert desk.post["status"] == "monitoring"
    assert desk.page.components["8kbf7d35c070"] == "degraded_performance"
    assert desk.post["incident_updates"][0]["body"] == "It works again since 03:40."
    assert desk.writes == ["POST ", "PATCH /inc0"]
    desk.alert("--auto-resolve", status="resolved")
    assert desk.post["status"] == "resolved"
    assert desk.page.components["8kbf7d35c070"] == "operational"
    desk.alert("--auto-resolve", status="resolved")
    assert len(desk.writes) == 3
    desk.alert()
    assert [i["status"] for i in desk.page.incidents] == ["resolved", "investigating"]


def test_what_comes_back_while_it_is_watched_goes_back_in_the_same_post(desk: Desk) -> None:
    for status in ("firing", "resolved", "firing"):
        desk.alert(status=status)
    assert [u["status"] for u in desk.post["incident_updates"]] == [
        "investigating",
        "monitoring",
        "investigating",
    ]
    assert desk.page.components["8kbf7d35c070"] == "partial_outage"


def test_a_component_stays_as_bad_as_the_worst_post_about_it(desk: Desk) -> None:
    desk.write(f'publish = ["SEV1", "SEV2"]\n{MAP}')
    desk.alert(severity="critical")
    desk.alert(severity="warning", group="another")
    assert desk.page.components["8kbf7d35c070"] == "partial_outage"
    desk.alert("--auto-resolve", status="resolved")
    assert desk.page.components["8kbf7d35c070"] == "degraded_performance"
    desk.alert("--auto-resolve", status="resolved", group="another")
    assert desk.page.components["8kbf7d35c070"] == "operational"


def test_what_a_person_changed_on_the_page_stays(desk: Desk) -> None:
    desk.alert()
    desk.post["status"] = "monitoring"
    desk.alert(severity="warning")
    assert (desk.post["status"], desk.post["impact_override"]) == ("monitoring", "minor")
    desk.post["status"] = "resolved"
    desk.alert()
    assert (desk.post["status"], len(desk.page.incidents)) == ("resolved", 1)
    desk.alert(status="resolved")
    desk.alert(status="resolved")
    assert len(desk.post["incident_updates"]) == 1
    desk.alert()
    assert len(desk.page.incidents) == 2


def test_a_change_of_severity_changes_the_post_without_a_new_text(desk: Desk) -> None:
    desk.alert(severity="warning")
    desk.alert(severity="critical")
    assert desk.post["impact_override"] == "major"
    assert desk.page.components["8kbf7d35c070"] == "partial_outage"
    assert len(desk.post["incident_updates"]) == 1


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"severity": "info"}, "SEV3 is not published"),
        ({"service": "ledger"}, "no component for ledger"),
        ({"service": ""}, "no component for no service"),
        ({"status": "resolved"}, "over, and was not posted"),
    ],
)
def test_what_is_not_for_the_public_is_not_posted(
    desk: Desk, capfd: pytest.CaptureFixture[str], more: dict[str, Any], why: str
) -> None:
    desk.alert(**more)
    assert desk.writes == []
    assert why in capfd.readouterr().err


@pytest.mark.parametrize("title", ["<script>alert(1)</script>\n# täglich ✓ 決済", "x" * 5000])
def test_a_title_is_published_only_when_asked_and_then_as_one_plain_line(desk: Desk, title: str) -> None:
    desk.alert(title=title)
    assert desk.post["name"] == "Checkout: disruption"
    desk.write('title = "source"\n' + MAP)
    desk.alert(title=title, group="another")
    name = desk.page.incidents[1]["name"]
    assert not set("<>\n") & set(name)
    assert name in ("script alert(1) /script # täglich ✓ 決済", "x" * 255)


def test_a_promise_of_the_next_update_is_made_only_when_it_is_configured(desk: Desk) -> None:
    desk.write("next_update_minutes = 30\n" + MAP + '[slots]\norganization = "Kestrel"\n')
    desk.alert()
    assert "Next update by " in desk.post["incident_updates"][0]["body"]
    desk.alert(status="resolved")
    assert desk.post["incident_updates"][0]["body"].endswith("Thank you, says Kestrel.")


def test_a_dry_run_changes_nothing(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    desk.alert("--dry-run")
    call = json.loads(capfd.readouterr().out)
    assert call["call"] == f"POST /v1/pages/{sp.PAGE}/incidents"
    assert call["body"]["incident"]["status"] == "investigating"
    assert (desk.writes, desk.page.incidents) == ([], [])


def test_a_dry_run_needs_no_key(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATUSPAGE_KEY")
    desk.alert("--dry-run")
    assert desk.api.got == []


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        (Answer(429, {}, {"Retry-After": "17"}), 17),
        (Answer(420, {}), 1),
        (Answer(503, {}), 1),
        (Answer(408, {}, {"Retry-After": "soon"}), 1),
        (Answer(500, {}, {"Retry-After": "9999"}), 120),
    ],
)
def test_a_failure_that_passes_is_waited_out(desk: Desk, answer: Answer, pause: float) -> None:
    desk.api.faults.append(Fault(answer))
    desk.alert()
    assert desk.slept == [pause]
    assert desk.post["status"] == "investigating"


@pytest.mark.parametrize("stage", ["firing", "resolved"])
def test_a_lost_response_posts_nothing_twice(desk: Desk, stage: str) -> None:
    if stage == "resolved":
        desk.alert()
    # the two reads, then the write whose answer does not come back
    desk.api.faults.extend([Fault(), Fault(), Fault(lost=True)])
    before = len(desk.writes)
    desk.alert(status=stage)
    assert len(desk.writes) == before + 1
    assert len(desk.post["incident_updates"]) == before + 1


def test_a_status_page_that_does_not_answer_is_given_up_with_an_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module(SCRIPT), "TIMEOUT_S", 0.05)
    desk.api.faults.extend([Fault(Answer(503), delay_s=0.3)] * 5)
    desk.alert(code=1)
    assert desk.slept == [1, 2, 4, 8]
    errors = capfd.readouterr().err
    assert "Statuspage did not do GET" in errors
    assert "ReadTimeout" in errors
    assert sp.KEY not in errors


def test_no_more_than_sixty_calls_go_out_in_a_minute(desk: Desk) -> None:
    headers = {"Authorization": f"OAuth {sp.KEY}"}
    client = module(SCRIPT).Client("Statuspage", desk.api.url, headers, desk.slept.append)
    began = time.monotonic()
    for _ in range(61):
        client.once("GET", f"/v1/pages/{sp.PAGE}/incidents")
        desk.page.calls.clear()
    (pause,) = desk.slept
    assert 60 - (time.monotonic() - began) <= pause <= 60


def test_a_refusal_by_statuspage_is_reported_and_the_rest_continues(
    desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    desk.write(MAP.replace("8kbf7d35c070", "unknown"))
    desk.alert(code=1)
    assert "Statuspage refused POST" in (said := capfd.readouterr().err)
    assert "component unknown" in said


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("page = ", "Cannot read the mapping file"),
        ("[services.x]\nname = 'x'", "`page` is missing"),
        (f"page = '{sp.PAGE}'\n[services.x]\nname = 'x'", "[services.x] needs"),
        (f"page = '{sp.PAGE}'\npublish = ['SEV9']", "'SEV9' is no severity"),
        (f"page = '{sp.PAGE}'\ntz = 'Mars/Olympus'", "is no time zone"),
        (MAP + "[severities]\ncritical = 'P1'", "'P1' is no severity"),
    ],
)
def test_a_wrong_mapping_file_is_explained(
    desk: Desk, capfd: pytest.CaptureFixture[str], settings: str, why: str
) -> None:
    desk.write(settings)
    desk.alert(code=2)
    assert why in capfd.readouterr().err
    assert desk.writes == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "Cannot read the templates"),
        (b"\xff\xfe", "Cannot read the templates"),
        (TEXTS.replace("status-resolved", "resolved").encode(), "has no template status-resolved"),
    ],
)
def test_templates_that_cannot_be_read_are_named(
    desk: Desk, capfd: pytest.CaptureFixture[str], text: bytes | None, why: str
) -> None:
    file = desk.folder / "templates.md"
    file.unlink() if text is None else file.write_bytes(text)
    desk.alert(code=2)
    errors = capfd.readouterr().err
    assert why in errors
    assert str(file) in errors


def test_what_is_missing_or_wrong_is_named(desk: Desk, tmp_path: Path) -> None:
    mapped = ("--map", str(desk.folder / "page.toml"))
    assert "Set STATUSPAGE_KEY" in run(SCRIPT, *mapped, "--alertmanager", "-", code=2).stderr
    env = {"STATUSPAGE_KEY": "x"}
    assert "Set FIREBELL_KEY" in run(SCRIPT, *mapped, "--firebell", "http://x", env=env, code=2).stderr
    (tmp_path / "empty.json").write_text("{}")
    for file, why in (
        ("/nowhere.json", "Cannot read the alerts"),
        (str(tmp_path / "empty.json"), "no webhook body"),
    ):
        more = ("--templates", str(desk.folder / "templates.md"), "--dry-run")
        assert why in run(SCRIPT, *mapped, *more, "--alertmanager", file, code=2).stderr
    assert "mapping file (TOML)" in run(SCRIPT, "--help").stdout
    assert "pip install httpx" in run(SCRIPT, *mapped, flags=("-I", "-S"), code=1).stderr
    assert "not allowed with" in run(SCRIPT, *mapped, "--firebell", "x", "--alertmanager", "-", code=2).stderr


def test_standard_input_is_read(desk: Desk) -> None:
    more = ("--templates", str(desk.folder / "templates.md"), "--dry-run", "--alertmanager", "-")
    mapped = ("--map", str(desk.folder / "page.toml"))
    ran = run(SCRIPT, *mapped, *more, typed=json.dumps(alertmanager()))
    assert json.loads(ran.stdout)["body"]["incident"]["name"] == "Checkout: disruption"


def test_it_goes_on_after_a_failure_until_it_is_stopped(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FIREBELL_KEY", "x")

    def sleep(seconds: float) -> None:
        desk.slept.append(seconds)
        if desk.slept.count(60) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(module(SCRIPT).start, "__defaults__", (sleep,))
    argv = ["--map", str(desk.folder / "page.toml"), "--statuspage-api", desk.api.url]
    argv += ["--templates", str(desk.folder / "templates.md"), "--every", "60"]
    assert module(SCRIPT).main([*argv, "--firebell", f"http://127.0.0.1:{free_port()}"]) == 130
    assert desk.slept == [1, 2, 4, 8, 60] * 2
    assert capfd.readouterr().err.count("Firebell did not do GET") == 2


def test_the_handbooks_own_templates_leave_no_slot_open(desk: Desk) -> None:
    desk.alert("--templates", str(REAL))
    desk.alert("--templates", str(REAL), "--auto-resolve", status="resolved")
    bodies = [update["body"] for update in desk.post["incident_updates"]]
    assert bodies[1].startswith("We're sorry about this: some card payments fail.")
    assert not [body for body in bodies if "{{" in body or not body]
    assert module(SCRIPT).TEMPLATES == REAL


async def test_a_real_firebell_is_followed_through_its_phases(
    dsn: str, clock: FakeClock, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(dsn, clock) as w, serve(dsn) as server, httpx.AsyncClient(base_url=server.url) as http:
        key = await key_of(w.ctx.db, clock, w.mara)
        monkeypatch.setenv("FIREBELL_KEY", key)
        api = Api(http, key)

        async def run_it(*args: str) -> None:
            await asyncio.to_thread(desk, "--firebell", server.url, *args)

        payload = {"severity": "SEV0", "services": ["checkout"], "take_command": True}
        made = await api("POST", "/incidents", {"title": "Secret words <!>", **payload}, status=201)
        path = f"/incidents/{made['ref']}"
        await run_it()
        assert desk.post["metadata"]["firebell"]["key"] == made["ref"]
        assert desk.post["status"] == "investigating"
        assert desk.page.components["8kbf7d35c070"] == "major_outage"
        assert "Secret" not in json.dumps(desk.page.incidents)

        entry = {"kind": "mitigation", "text": "Rolled build 4812 back"}
        await api("POST", f"{path}/entries", entry, status=201)
        await api("POST", f"{path}/phase", {"phase": "mitigating"})
        await run_it()
        assert desk.post["status"] == "investigating", "mitigated is not yet understood"
        await api("POST", f"{path}/phase", {"phase": "monitoring"})
        await run_it()
        assert desk.post["incident_updates"][0]["body"].startswith("It works again since ")
        await api("POST", f"{path}/phase", {"phase": "closed", "force": True, "reason": "a test"})
        await run_it()
        assert desk.post["status"] == "monitoring"
        await run_it("--auto-resolve")
        await run_it("--auto-resolve")
        assert desk.post["status"] == "resolved"
        assert len(desk.writes) == 3
        assert "Rolled" not in json.dumps(desk.page.incidents)

        drill = {"title": "Exercise", "severity": "SEV0", "services": ["checkout"], "drill": True}
        await api("POST", "/incidents", drill, status=201)
        await run_it()
        assert len(desk.page.incidents) == 1

        alarm = await api("POST", "/incidents", {"title": "A false alarm", **payload}, status=201)
        await run_it()
        assert len(desk.page.incidents) == 2
        posted = [u for p in desk.page.incidents for u in p["incident_updates"]]
        await api("POST", f"/incidents/{alarm['ref']}/phase", {"phase": "dismissed", "reason": "a test"})
        await run_it("--auto-resolve")
        assert [u for p in desk.page.incidents for u in p["incident_updates"]] == posted, (
            "no apology for nothing"
        )

        monkeypatch.setenv("FIREBELL_KEY", "wrong")
        await asyncio.to_thread(desk, "--firebell", server.url, code=1)


def test_a_warning_of_alertmanager_mails_no_customer(desk: Desk) -> None:
    desk.alert(severity="warning")
    assert desk.page.incidents == []
