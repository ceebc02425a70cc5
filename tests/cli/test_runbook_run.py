"""`firebell runbook run`: commands on the responder's machine, which no value, crash or full disk can mislead."""

import json
import os
import resource
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.cli.pseudo_terminal import at_a_terminal
from tests.cli.runbook_runs import TIMEOUT_S, Machine, runbook
from tests.servers import MEMORY

HOSTILE = [
    *("$(touch PWNED)", "`touch PWNED`", "; touch PWNED", "| touch PWNED", "&& touch PWNED", "> PWNED", "$((1+1))"),
    *("${IFS}", "$HOME", "$X", "${X:=y}", "'", '"', "\\", "'\"'\"'", '"; touch PWNED; "', "'; touch PWNED; '"),
    *("a b", "  spaces  ", "*", "?", "[a-z]*", "~", "~root", "{a,b}", "!!", "!$", "#", "a#b", "%s%n", "\\n", "\\x41"),
    *("é", "日本", "🚨", "a\u202eb", "\u200b", "=", "X=y", "PATH=/tmp", "$'\\n'", "<(id)", "<<EOF", ">(cat)"),
    *("() { :; }; touch PWNED", "a;b", "a&b", "a|b", "(a)", "{ a; }", "a\\;b", "$(", "`", "${", "$((", "$(<PWNED)"),
    *("x'||touch PWNED||'", '$("touch" PWNED)', "\\$(touch PWNED)", "%0a touch PWNED", "${PATH//:/ }", "^a^b"),
    *("a" * 1024, "'" * 500, '"' * 501, "$(" * 300, "\\" * 400, "é" * 512, "*/../*", "../../etc/passwd", "/dev/null"),
]  # fmt: skip
HOSTILE += [
    f"{prefix}{value}{suffix}"
    for prefix, suffix in (('"', '"'), ("'", "'"), ("x ", " y"))
    for value in HOSTILE[:15]
]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, {})


def test_n2_hostile_values_reach_a_command_as_they_are_and_do_nothing(machine: Machine) -> None:
    assert len(set(HOSTILE)) >= 100
    for start in range(0, len(HOSTILE), 60):
        values = HOSTILE[start : start + 60]
        names = [f"V{i}" for i in range(len(values))]
        prints = "\n".join(f'printf "%s\\0" "${name}"' for name in names)
        declared = "".join(f"  {name}: {{type: text, pattern: '(?s).*'}}\n" for name in names)
        path = machine.write(
            runbook(
                f'### 1. Print\n\n```bash run=auto\n{{\n{prints}\n}} >"$WORK/out"\n```\n', variables=declared
            )
        )
        before = set(machine.folder.rglob("*"))
        options = [f"--var={name}={value}" for name, value in zip(names, values, strict=True)]
        assert machine.run("--file", str(path), "--yes", *options).code == 0
        out = machine.folder / "out"
        assert out.read_bytes().split(b"\0")[:-1] == [value.encode() for value in values]
        new = {p.name for p in set(machine.folder.rglob("*")) - before} - {"out", "state", "firebell", "runs"}
        assert [name for name in new if not name.endswith(".ended")] == []
        out.unlink()


UNDO = '```bash run=auto id=back\necho back >>"$WORK/log"\n```'
FAILS = """### 1. Do

```bash run=auto undo=back
echo did >>"$WORK/log"
```

### 2. Fail

```bash run=auto
false
```
"""
EXPECTS = '### 1. Do\n\n```bash run=auto expect=/d.d/\necho did | tee -a "$WORK/log"\n```\n'


@pytest.mark.parametrize(
    ("steps", "rollback", "code", "last", "log"),
    [
        (EXPECTS, "None.", 0, "succeeded", "did"),
        (FAILS, UNDO, 5, "rolled_back", "did back"),
        (FAILS, UNDO.replace("echo", "false; echo"), 6, "rollback_failed", "did"),
        (FAILS, UNDO.replace("run=auto ", ""), 4, "rollback_failed", "did"),
        (FAILS, "By hand.", 1, "stopped", "did"),
        ("### 1. Ask\n\n```bash\ntouch \"$WORK/log\"\n```\n", "None.", 4, "stopped", ""),
        ("### 1. Ask\n\n```bash run=auto danger=WORK\ntouch \"$WORK/log\"\n```\n", "None.", 4, "stopped", ""),
        ("### 1. Read\n\nSomething.\n", "None.", 4, "stopped", ""),
        ("### 1. Sql\n\n```sql run=auto\nselect 1\n```\n", "None.", 4, "stopped", ""),
        ("### 1. Late\n\n```bash run=auto timeout=1s\nsleep 30\n```\n", "None.", 1, "stopped", ""),
        ("### 1. Not it\n\n```bash run=auto expect=/^ok$/\necho not ok\n```\n", "None.", 1, "stopped", ""),
        ("### 1. Typo\n\n```bash run=auto timout=1s\ntouch \"$WORK/log\"\n```\n", "None.", 4, "stopped", ""),
    ],
)  # fmt: skip
def test_an_unattended_run_ends_with_its_exit_code(
    machine: Machine, steps: str, rollback: str, code: int, last: str, log: str
) -> None:
    path = machine.write(runbook(steps, rollback=rollback))
    ran = machine.here("--file", str(path), "--yes")
    assert ran.code == code, ran
    assert machine.kinds()[-1] == last
    file = machine.folder / "log"
    assert (file.read_text().split() if file.exists() else []) == log.split()


def test_wrong_usage_runs_nothing(machine: Machine) -> None:
    path = str(
        machine.write(
            runbook("### 1. Do\n\n```bash run=auto\ntrue\n```\n", variables="  N: {type: int, max: 9}\n")
        )
    )
    bad = machine.write(runbook("### 1. Do\n\n```bash\ntrue\n```\n", variables="  PATH: {}\n"), "bad.md")
    unattended = ("--file", path, "--yes")
    for args in (
        *((), ("x", "--file", path), ("x", "--yes"), unattended, (*unattended, "--var", "N=10")),
        *(
            (*unattended, "--var", "M=1"),
            (*unattended, "--from", "7"),
            (*unattended, "--var", "N=1", "--from", "9"),
        ),
        *(("--file", str(bad), "--yes"), ("--file", "gone.md", "--yes"), ("--resume", "--dry-run")),
    ):
        assert machine.here(*args).code == 2, args
    assert machine.here("--file", path, "--var", "N=1").code == 4
    assert machine.here("--file", path, "--yes", "--var", "N=1", "--sha256", "0" * 64).code == 1
    assert machine.here("--resume", "--yes").code == 1
    assert machine.journals() == []
    assert machine.here("--file", path, "--yes", "--var", "N=1", PATH="/nowhere").code == 2


STRANGE = """### 1. Everything

```bash run=auto
sleep 60 >/dev/null &
( sleep 60; echo late ) &
exec 3>&-
echo "daemon left"
```

```bash run=auto
if read -r answer </dev/tty; then echo "got $answer"; else echo "no terminal"; fi
cat
```

```bash run=auto
printf '\\033[31mred\\033[0m \\000\\377\\n'
```

```bash run=auto
trap 'echo mine' EXIT
TARGET=lost
```

```bash run=auto
TARGET='not a name' COUNT=0042
echo "$PASSWORD and $(printf %s "$PASSWORD" | base64)"
PASSWORD=other-$((40 + 2))-secret
echo "$PASSWORD" >&2
```

```bash run=auto
echo "$TARGET $COUNT"
test -z "${FIREBELL_KEY-}${BASH_ENV-}"
test "$FIREBELL_STEP" = "Steps 1f"
```
"""


def test_strange_commands_end_and_carry_only_what_is_valid(
    machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    variables = "  TARGET: {default: db-1}\n  COUNT: {type: int, default: 1}\n"
    variables += "  PASSWORD: {type: text, secret: true, pattern: '[a-z0-9-]+'}\n"
    path = machine.write(runbook(STRANGE, variables=variables))
    ran = machine.here(
        "--file", str(path), "--yes", PASSWORD="hunter2-secret", BASH_ENV="/dev/null", FIREBELL_KEY="fb_x"
    )
    assert ran.code == 0, ran
    ends = [e for e in machine.events() if e["kind"] == "step.done"]
    assert [e.get("head") for e in ends][:4] == [
        "daemon left\n",
        # bash says on standard error that there is no terminal
        next(e["head"] for e in ends if "no terminal\n" in e["head"]),
        "red \u2400\ufffd\n",
        "mine\n",
    ]
    assert ends[4]["redacted"] == 3
    assert ends[5]["head"] == "db-1 42\n"
    written = machine.journals()[0].read_text()
    for secret in ("hunter2-secret", "other-42-secret", "aHVudGVyMi1zZWNyZXQ"):
        assert secret not in written
    assert "hunter2-secret" in capfd.readouterr().out
    assert stat.S_IMODE(machine.journals()[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(machine.journals()[0].parent.stat().st_mode) == 0o700


def test_a_huge_output_takes_little_memory(machine: Machine) -> None:
    path = machine.write(
        runbook("### 1. Flood\n\n```bash run=auto\nhead -c 100000000 /dev/zero | tr '\\0' x\necho end\n```\n")
    )
    script = (
        "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL);"
    )
    script += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)"
    ran = subprocess.run(
        [sys.executable, "-c", script, sys.executable, "-m", "firebell", "runbook", "run", "--yes", f"--file={path}"],
        env=machine.variables(), capture_output=True, check=True, cwd=machine.folder,
    )  # fmt: skip
    assert int(ran.stdout) < 120 * 1024
    [done] = [e for e in machine.events() if e.get("part") == "Steps" and e["kind"] == "step.done"]
    assert (len(done["head"]), done["tail"][-4:]) == (32 * 1024, "end\n")


def test_a_full_disk_runs_nothing(machine: Machine) -> None:
    path = machine.write(runbook('### 1. Do\n\n```bash run=auto\n: >"$WORK/did"\n```\n'))
    assert machine.here("--file", str(path), "--yes").code == 0
    header = len(machine.journals()[0].read_text().splitlines()[0])
    (machine.folder / "did").unlink()
    for size in (header // 2, header + 40):
        ran = machine.run(
            "--file",
            str(path),
            "--yes",
            limits=lambda size=size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        )
        assert ran.code == 1, ran
        assert not (machine.folder / "did").exists()
    assert machine.here("--resume", "--yes").code == 0
    assert (machine.folder / "did").exists()


def test_a_run_that_another_terminal_has_open_is_left_alone(machine: Machine) -> None:
    wait = '### 1. Wait\n\n```bash run=auto\n: >"$WORK/began"\nwhile [ ! -e "$WORK/go" ]; do sleep 0.05; done\n```\n'
    path = machine.write(runbook(wait))
    arguments = [sys.executable, "-m", "firebell", "runbook", "run", "--file", str(path), "--yes"]
    first = subprocess.Popen(arguments, env=machine.variables(), stdout=subprocess.DEVNULL)
    try:
        while not (machine.folder / "began").exists():
            assert first.poll() is None
            time.sleep(0.02)
        second = machine.here("--resume", "--yes")
        first.terminate()
        assert first.wait(TIMEOUT_S) == 130
    finally:
        first.kill()
        first.wait()
    assert second.code == 1
    assert machine.kinds()[-1] == "Steps 1 failed"
    # a failed step is not repeated without a person
    assert machine.here("--resume", "--yes").code == 4


def test_a_dry_run_runs_harmless_prerequisites_and_nothing_else(machine: Machine) -> None:
    checks = '```bash run=auto idempotent\necho checked >>"$WORK/log"\n```\n'
    checks += '\nAnd:\n\n```bash run=auto\necho no >>"$WORK/log"\n```'
    path = machine.write(
        runbook('### 1. Do\n\n```bash run=auto\necho no >>"$WORK/log"\n```\n', prerequisites=checks)
    )
    ran = machine.here("--file", str(path), "--dry-run", "--json")
    assert ran.code == 0
    assert (machine.folder / "log").read_text() == "checked\n"
    assert [step["state"] for step in ran.json["steps"]] == [
        "done",
        "skipped",
        "skipped",
        "skipped",
        "pending",
    ]
    refused = machine.here(
        "--file",
        str(
            machine.write(
                runbook(
                    "### 1. Do\n\n```bash\nx\n```\n",
                    prerequisites=checks.replace("echo", "false; echo"),
                )
            )
        ),
        "--dry-run",
    )
    assert refused.code == 1


PERSON = """### 1. Look

```bash
echo "looking at $TARGET"
```

### 2. Act

```bash danger=TARGET undo=back
echo "acting on $TARGET with $TOKEN"
test -e "$WORK/fixed"
```

### 3. Tell

Tell the others.

```bash
sleep 30
```
"""


def test_a_person_answers_every_question_with_one_key(machine: Machine) -> None:
    variables = "  TARGET: {ask: which host, default: db-1}\n"
    variables += "  TOKEN: {type: text, secret: true, pattern: '[a-z0-9-]+'}\n"
    undo = '```bash id=back\necho "undone $TARGET"\n```'
    path = machine.write(runbook(PERSON, variables=variables, rollback=undo))
    editor = machine.write("#!/bin/sh\nsed -i 's/looking/staring/' \"$1\"\n", "editor")
    editor.chmod(0o700)
    env = machine.variables(EDITOR=str(editor), TERM="xterm", NO_COLOR="1")
    with at_a_terminal("runbook", "run", "--file", str(path), env=env) as terminal:
        terminal.answers("Trust this text?", "v")
        terminal.answers("Trust this text?", "y")
        terminal.answers("TARGET (which host) [db-1]:", "-rf\n")
        terminal.answers("hyphen", "db-2\n")
        terminal.answers("TOKEN:", "hunter2-secret\n")
        terminal.answers("[d] done by hand", "s")
        terminal.answers("Why?", "no\n")
        terminal.answers("at least 3", "it is fine\n")
        terminal.sees("Steps 1: Look")
        terminal.answers("[r] run", "e")
        terminal.answers("[r] run", "r")
        terminal.sees("staring at db-2")
        terminal.sees("TOKEN = •••")
        terminal.answers("[r] run", "r")
        terminal.answers("Type the value of TARGET", "db-1\n")
        terminal.sees("Nothing was run")
        terminal.answers("[r] run", "r")
        terminal.answers("Type the value of TARGET", "db-2\n")
        terminal.sees("exit 1")
        (machine.folder / "fixed").touch()
        terminal.answers("[r] retry", "r")
        terminal.answers("Type the value of TARGET", "db-2\n")
        terminal.sees("Steps 3")
        terminal.answers("[r] run", "r")
        terminal.sees("> run")
        while machine.kinds()[-1] != "Steps 3 started":
            time.sleep(0.02)
        terminal.types("\x03")
        terminal.sees("interrupted")
        terminal.answers("[b] roll back", "b")
        terminal.sees("Rollback 1")
        terminal.answers("[r] run", "r")
        terminal.sees("undone db-2")
        assert terminal.ends() == 5
        assert "hunter2-secret" in terminal.shown
        assert "hunter2-secret" not in terminal.shown.partition("acting on")[0]
    assert machine.kinds() == [
        *("Prerequisites 1 skipped", "Steps 1 edited", "Steps 1 started", "Steps 1 done"),
        *("Steps 2 started", "Steps 2 failed", "Steps 2 started", "Steps 2 done", "Steps 3 started", "Steps 3 failed"),
        *("rolling_back", "Rollback 1 started", "Rollback 1 done", "rolled_back"),
    ]  # fmt: skip
    assert '+echo "staring' in machine.events()[1]["reason"]
    # the text is trusted now, and a changed one is not
    with at_a_terminal("runbook", "run", "--file", str(path), env=env) as terminal:
        terminal.answers("TARGET (which host)", "\x04")
        assert terminal.ends() == 130
    path.write_text(path.read_text().replace("looking", "peering"))
    with at_a_terminal("runbook", "run", "--file", str(path), env=env) as terminal:
        terminal.sees('+echo "peering at $TARGET"')
        terminal.answers("Trust this text?", "n")
        assert terminal.ends() == 130
    assert len(machine.journals()) == 1


def test_n4_killed_at_any_point_of_the_journal_nothing_runs_twice() -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        env = Machine(Path(folder), {}).variables(PYTHONPATH=os.pathsep.join(sys.path))
        ran = subprocess.run(
            [sys.executable, "-m", "tests.cli.killed_runs", folder],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    outcomes = json.loads(ran.stdout.splitlines()[-1])
    assert len(outcomes) >= 10
    for outcome in outcomes:
        # one-time steps ran at most once, and the run went on or waits for a person
        assert all(outcome["log"].count(step) <= 1 for step in ("once", "last")), outcome
        assert outcome["log"].count("again") <= 2, outcome
        assert outcome["code"] in (0, 4), outcome
        if outcome["code"] == 0:
            assert set(outcome["log"]) == {"once", "again", "last"}, outcome
    assert {outcome["code"] for outcome in outcomes} == {0, 4}
    assert max(outcome["log"].count("again") for outcome in outcomes) == 2


def test_help_comes_at_once() -> None:
    script = "import sys; from firebell.cli import main; main(['runbook', 'run', '--help'], standalone_mode=False);"
    script += (
        "print(sorted(m for m in sys.modules if m.startswith('firebell.runbooks') or m == 'markdown_it'))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    # what is slow to import is not imported
    assert ran.stdout.splitlines()[-1] in ("[]", "['firebell.runbooks', 'firebell.runbooks.slice']")
