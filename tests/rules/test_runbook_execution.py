"""Running a runbook: what its code blocks say, which values variables take, what is kept of output, the way back."""

import base64
import json
import os
import re
import subprocess
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.runbooks.execution.attributes import FenceAttributes, RunMode, read_attributes
from firebell.runbooks.execution.execution_plan import ExecutionPlan, StepEvent, plan_of
from firebell.runbooks.execution.expectation import Expectation
from firebell.runbooks.execution.output import KeptOutput, OutputSource
from firebell.runbooks.execution.quoting_checks import unsafe_expansions
from firebell.runbooks.execution.redaction import redacted
from firebell.runbooks.execution.shell_words import shell_commands
from firebell.runbooks.execution.variables import Variable, VariableError, VariableType, declared
from firebell.runbooks.execution.visible import visible
from firebell.runbooks.model import Fence
from firebell.runbooks.parse import read
from firebell.runbooks.runs.model import OUTPUT_MAX_BYTES, RunEventKind, RunStepState
from firebell.runbooks.runs.steps_from_text import steps_of
from firebell.runbooks.text_checks import check
from tests.rules.test_runbooks import GOOD, TODAY

DAEMON_SECRET = "tr0ub4dor/&+ é\"'\\"


@pytest.mark.parametrize(
    ("info", "attributes"),
    [
        ("", FenceAttributes()),
        ("run=auto", FenceAttributes(RunMode.AUTO)),
        ("run=manual  timeout=90s", FenceAttributes(RunMode.MANUAL, 90)),
        ("timeout=2h idempotent id=a.b-c", FenceAttributes(timeout_s=7200, idempotent=True, id="a.b-c")),
        ("undo=a,b danger=NEW_DSN", FenceAttributes(undo=("a", "b"), danger="NEW_DSN")),
        (r"run=auto expect=/is \d+ \/ s/", FenceAttributes(RunMode.AUTO, expect=r"is \d+ / s")),
    ],
)
def test_attributes_of_a_code_block(info: str, attributes: FenceAttributes) -> None:
    assert read_attributes(info) == attributes


@pytest.mark.parametrize(
    "info",
    [
        *("run=yes", "timeout=0s", "timeout=3h", "timeout=1d", "id=-x", "undo=a,,b", "danger=x", "expect=x"),
        *(
            "expect=/(/",
            "expect=//",
            "sudo",
            "idempotent=no",
            "run=auto run=auto",
            "{.bash}",
            f"expect=/{'a' * 501}/",
        ),
    ],
)
def test_what_is_not_understood_is_a_warning_and_needs_a_person(info: str) -> None:
    read_ = read_attributes(f"run=auto {info}" if not info.startswith("run=") else info)
    assert len(read_.warnings) >= 1
    assert read_.mode == RunMode.CONFIRM
    assert read_attributes(f"run=manual {info}").mode == RunMode.MANUAL


NAME = Variable("X")
NUMBER = Variable("X", VariableType.INT, maximum=600)
WORDS = Variable("X", VariableType.TEXT, pattern="[a-z ]+")


@pytest.mark.parametrize(
    ("variable", "value", "clean"),
    [
        (NAME, "db-1", "db-1"),
        (NUMBER, "0600", "600"),
        (WORDS, "x y", "x y"),
        (Variable("X", VariableType.HOST), "db-1.example.org", "db-1.example.org"),
        (Variable("X", VariableType.HOST), "2001:DB8::1", "2001:db8::1"),
        (Variable("X", VariableType.BOOL), "Yes", "true"),
        (Variable("X", VariableType.BOOL), "0", "false"),
        (Variable("X", VariableType.CHOICE, values=("eu", "us")), "us", "us"),
        (Variable("X", VariableType.PATH), "/var/lib/x y", "/var/lib/x y"),
        (Variable("X", VariableType.URL), "https://example.org/a?b=c", "https://example.org/a?b=c"),
    ],
)
def test_values_that_a_type_takes(variable: Variable, value: str, clean: str) -> None:
    assert variable.clean(value) == clean


@pytest.mark.parametrize(
    ("variable", "values"),
    [
        (NAME, ("$(id)", "a;b", "-rf", "a\nb", "", "a b", "é", "a" * 254, "a\x00", "\ud800", "a\u2028b")),
        (NUMBER, ("6e2", "601", "-1", "+1", "1.0", "٣", "1" * 19)),
        (WORDS, ("X", "a1", "x\ty", "a" * 1025)),
        (
            Variable("X", VariableType.HOST),
            ("-a.example.org", "a..b", "a_b", "300.1.1.1", "a.b-", "a/b", "a" * 64),
        ),
        (Variable("X", VariableType.BOOL), ("on", "2")),
        (Variable("X", VariableType.CHOICE, values=("eu",)), ("us", "EU")),
        (Variable("X", VariableType.PATH), ("a/b", "/a/../b", "/..", "~/x")),
        (
            Variable("X", VariableType.URL),
            ("http://a.example", "https://", "https://a b", "https://[", "ftp://x", "https://a:99999"),
        ),
    ],
)
def test_values_that_a_type_refuses(variable: Variable, values: tuple[str, ...]) -> None:
    for value in values:
        with pytest.raises(VariableError):
            variable.clean(value)


@pytest.mark.parametrize(
    "vars_",
    [
        *("x", [1], {"path": {}}, {"A-B": {}}, {1: {}}, {"A": "name"}, {"A": {"type": "secret"}}),
        *({"A": {"typ": "name"}}, {"A": {"type": "choice"}}, {"A": {"type": "text"}}, {"A": {"default": "-x"}}),
        *({"A": {"type": "text", "pattern": "("}}, {"A": {"type": "int", "min": 2, "max": 1}}),
        *({"A": {"type": "int", "min": True}}, {"A": {"secret": "yes"}}, {"A": {"secret": True, "default": "abc"}}),
        *({"A": {"from": "env.X"}}, {"A": {"type": "choice", "values": ["a\nb"]}}),
        *({f"A{i}": {} for i in range(65)},),
        *({name: {}} for name in ("PATH", "IFS", "LD_PRELOAD", "BASH_ENV", "PYTHONPATH", "GIT_DIR")),
        *({name: {}} for name in ("FIREBELL_KEY", "PS4")),
    ],
)  # fmt: skip
def test_declarations_that_are_refused(vars_: object) -> None:
    with pytest.raises(VariableError):
        declared(vars_)


def test_declared_variables_keep_their_fields() -> None:
    [cluster, port, dsn] = declared(
        {
            "CLUSTER": {"from": "label.cluster", "ask": "which"},
            "PORT": {"type": "int", "default": 5432, "min": 1, "max": 65535},
            "DSN": {"type": "text", "secret": True, "pattern": "host=.+"},
        }
    )
    assert (cluster.source, cluster.ask, cluster.is_safe_unattended) == ("label.cluster", "which", True)
    assert (port.default, port.maximum) == ("5432", 65535)
    assert dsn.secret
    assert not dsn.is_safe_unattended
    assert declared(None) == ()


HOSTILE = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])
    | st.sampled_from("$`\"'\\;&|<>(){}[]*?~#! %=:")
    , min_size=1, max_size=60
).filter(lambda v: not v.startswith("-"))  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(HOSTILE, min_size=1, max_size=50))
def test_n2_a_quoted_variable_is_exactly_its_value(values: list[str]) -> None:
    anything = Variable("X", VariableType.TEXT, pattern=r"(?s).*")
    env = {f"V{i}": anything.clean(value) for i, value in enumerate(values)}
    script = "; ".join(f"printf '%s\\0' \"$V{i}\"" for i in range(len(values)))
    ran = subprocess.run(
        ["bash", "-eu", "-c", script], env={**env, "PATH": os.environ["PATH"]}, capture_output=True
    )
    assert ran.stdout.decode().split("\0")[:-1] == values


def quoting(script: str) -> list[tuple[str, int, str]]:
    """Return what is unsafe in a script whose variables X and Y are declared."""
    return [
        (u.name, u.line, u.reader)
        for u in unsafe_expansions(Fence(0, "bash", script, "", "", True), {"X", "Y"})
    ]


@pytest.mark.parametrize(
    "script",
    [
        *('echo "$X"', '[[ $X == a ]]', 'Z=$X cmd "$X"', "echo $((X + 1)) $(( $X ))", "echo '$X' \\$X", "# $X"),
        *("cat <<E\n$X\nE\n", "case $X in a) true;; esac", "export A=$X", "echo ${#X}", 'bash -c \'echo "$1"\' _ "$X"'),
        *('ssh "$X" uptime', 'ssh h "cat $(printf %q "$X")"', 'psql -v x="$X" -c "select :\'x\'"', 'ssh h "${X@Q}"'),
        *('while read -r l; do echo "$l"; done <"$Y"', "echo $UNDECLARED", "(( X > 1 )) && true", 'psql -X -A "$X"'),
        *("", "$", '"', "'", "`", "${", "$(", "<<E", "\\", "$((", "[[", "a=(", "case", "${X", '"$(', "echo $'\\''"),
    ],
)  # fmt: skip
def test_scripts_in_which_no_value_is_split_or_read_again(script: str) -> None:
    assert quoting(script) == []


@pytest.mark.parametrize(
    ("script", "unsafe"),
    [
        ("echo $X", [("X", 1, "")]),
        ("true\n[[ $X ]] && echo $Y", [("Y", 2, "")]),
        ("cat <<E\n$X\nE\necho ${X}", [("X", 4, "")]),
        ('for x in $X; do echo "$x"; done > $Y', [("X", 1, ""), ("Y", 1, "")]),
        ('case "$X" in a) echo $Y;; esac', [("Y", 1, "")]),
        ('echo "a `cat $X` $(cat $Y)"', [("X", 1, ""), ("Y", 1, "")]),
        ('a=($X "$Y")', [("X", 1, "")]),
        ('eval "echo $Z"', [("Z", 1, "eval")]),
        ('bash -c "echo $X"', [("X", 1, "bash -c")]),
        ('sudo -u postgres sh -xc "echo $1"', [("1", 1, "sh -c")]),
        ('ssh -p 22 "$X" "cat $Y"', [("Y", 1, "ssh")]),
        ('psql "$X" -c "select $Y"', [("Y", 1, "psql -c")]),
        ('psql --command="select $Y"', [("Y", 1, "psql -c")]),
        ('xargs -r sh -c "rm $X"', [("X", 1, "sh -c")]),
        ('su - postgres -c "psql $X"', [("X", 1, "su -c")]),
    ],
)
def test_values_that_would_be_split_or_read_again(script: str, unsafe: list[tuple[str, int, str]]) -> None:
    assert quoting(script) == unsafe


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("$`\"'\\;&|<>(){}[]# =aXE\n"), max_size=60))
def test_any_script_is_read_to_its_end(script: str) -> None:
    for command in shell_commands(script):
        for word in (*command.words, *command.assignments):
            assert 1 <= word.line <= script.count("\n") + 1


def test_the_checks_name_line_level_and_code() -> None:
    body = GOOD.replace('pg_isready -h "$PGHOST"', 'pg_isready -h $PGHOST\neval "echo $PGHOST"')
    text = "---\nvars:\n  PGHOST: {type: host}\n  BAD: {type: texts}\n---\n" + body
    line = text.splitlines().index("pg_isready -h $PGHOST") + 1
    findings = {(f.id, str(f.level), f.line) for f in check(read(text), TODAY)}
    assert {
        ("R-QUOTE", "warning", line),
        ("R-REPARSE", "error", line + 1),
        ("R-FRONT", "error", 2),
    } <= findings
    assert not {f.id for f in check(read(GOOD), TODAY)}


def encodings(secret: str) -> list[str]:
    """Return a secret as tools print it."""
    raw = base64.b64encode(secret.encode()).decode()
    inner = [base64.b64encode(("u" * n + secret + "zz").encode()).decode() for n in range(1, 4)]
    wrapped = "\n".join(re.findall(".{1,8}", raw))
    return [secret, raw, wrapped, *inner, quote(secret, safe=""), quote(secret).lower(), json.dumps(secret)]


@pytest.mark.parametrize("secret", ["hunter2", "a" * 1024, DAEMON_SECRET, "пароль-123", "host=x user=y"])
@pytest.mark.parametrize("size", [1, 7, 4096])
def test_n3_no_encoding_of_a_secret_is_kept_however_it_is_read(secret: str, size: int) -> None:
    for encoded in encodings(secret):
        data = f"before {encoded} after\n".encode()
        output = KeptOutput()
        for at in range(0, len(data), size):
            output.add(OutputSource.OUT, data[at : at + size])
            # the lines of the other stream come between whole lines
            output.add(OutputSource.ERR, b"noise " if at % 3 or "\n" in encoded else b"\n")
        kept = output.result([secret])
        assert kept.redacted >= 1, encoded
        assert encoded.strip('"') not in kept.head + kept.tail
        assert "before" in kept.head
        assert "after" in kept.head + kept.tail


SHAPES = {
    "private-key": "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----",
    "aws-key": "AKIAABCDEFGHIJKLMNOP",
    "github-token": "ghp_abcdefghijklmnop1234",
    "gitlab-token": "glpat-abcdefghijklmnop1234",
    "slack-token": "xoxb-12345678-abcdef",
    "jwt": "eyJhbGciOi.eyJzdWIiOi.abc-_9",
    "header": "Authorization: Bearer abc def",
    "url-password": "postgres://app:s3cret@db/x",
    "password": 'DB_PASSWORD = "x y z"',
}


@pytest.mark.parametrize(
    ("kind", "text"), [*SHAPES.items(), ("header", '"Set-Cookie": "a=b; c"'), ("password", "api_key=x")]
)
def test_credentials_are_recognized_by_their_shape(kind: str, text: str) -> None:
    result = redacted(f"a {text}\nb".encode(), ())
    assert result.replaced == 1
    assert f"[redacted:{kind}]".encode() in result.output
    assert result.output.endswith(b"\nb")


def test_ordinary_output_and_short_secrets_stay() -> None:
    plain = b"https://example.org:8080/a@b passwords 12 tokens\nsecret service ok 10:32\n"
    assert redacted(plain, ["ok", "10:3"]) == (plain, 0)


def test_the_beginning_and_the_end_of_a_long_output_are_kept_and_nothing_between() -> None:
    output = KeptOutput()
    key = b"-----BEGIN PRIVATE KEY-----\n" + b"Q" * 20_000 + b"\n-----END PRIVATE KEY-----\n"
    output.add(OutputSource.OUT, b"first\n" + b"x" * (OUTPUT_MAX_BYTES - 10) + b"hunter2-and-more\n")
    for _ in range(40):
        output.add(OutputSource.OUT, b"y" * 100_000)
    output.add(OutputSource.OUT, b"\n" + key + b"z" * 20_000 + b"\nlast \x1b[31mred\x1b[0m \x00\xff")
    kept = output.result(["hunter2-and-more"])
    assert output.total_bytes > 4_000_000
    assert kept.head.startswith("first\n")
    assert kept.tail.endswith("last red \u2400\ufffd")
    assert "hunter2" not in kept.head
    assert "QQQ" not in kept.tail
    assert len(kept.head) <= OUTPUT_MAX_BYTES
    assert len(kept.tail) <= OUTPUT_MAX_BYTES
    assert kept.redacted == 2


@pytest.mark.parametrize(
    ("pattern", "output", "is_met"),
    [
        ("", "", True),
        (r"^ready$", "not ready\nready\n", True),
        (r"^ready$", "not ready", False),
        (r"exit 1$", "exit 10", False),
        (r"a\nb", "a\r\nb\n", True),
        (r"end", "x" * 300_000 + "\nend", True),
        (r"é", "caf\u00e9", True),
    ],
)
@pytest.mark.parametrize("size", [1, 1000, 10**6])
def test_an_expectation_is_searched_however_output_arrives(
    pattern: str, output: str, is_met: bool, size: int
) -> None:
    expectation = Expectation(pattern)
    data = output.encode()
    size = max(size, len(data) // 1000)
    for at in range(0, len(data), size):
        expectation.add(data[at : at + size])
    assert expectation.end() is is_met


def test_hidden_characters_are_shown() -> None:
    assert visible("a\u202eb\x1b[2K\u200bc\r\n\té") == "a<U+202E>b<U+001B>[2K<U+200B>c<U+000D>\n\té"
    hidden = [
        chr(c)
        for c in range(0x20000)
        if unicodedata.category(chr(c)) in ("Cc", "Cf") and chr(c) not in "\n\t"
    ]
    assert not [char for char in hidden if char in visible(char)]


RUNBOOK = GOOD.replace(
    """### 2. Say so

Write it into the channel.
""",
    """### 2. Act

```bash run=auto undo=back,gone
one
```

```bash id=two undo=again
two
```

```zsh
three
```
""",
).replace(
    "Go back as in [the other one](other.md).",
    "```bash id=back\nback\n```\n\nThen\n\n```bash id=again\nagain\n```",
)


def plan() -> ExecutionPlan:
    """Return the plan of a runbook with five steps and two commands of rollback."""
    return plan_of(read(RUNBOOK), steps_of(RUNBOOK))


def test_steps_are_named_and_know_who_runs_them() -> None:
    steps = {step.name: step for step in plan().forward}
    assert steps["Steps 2"].runs_unattended
    assert steps["Steps 2b"].is_runnable
    assert not steps["Steps 2b"].runs_unattended
    assert not steps["Steps 2c"].is_runnable
    assert steps["Prerequisites 1"].fence is None
    for name, meant in (
        ("2b", "Steps 2b"),
        ("two", "Steps 2b"),
        ("verification 1", "Verification 1"),
        ("pre/1", "Prerequisites 1"),
    ):
        assert plan().named(name) == steps[meant]
    assert plan().named("9") is None
    assert plan().named("Rollback 1") is None


def happened(*events: tuple[str, str]) -> list[StepEvent]:
    """Return events by the names of their steps."""
    keys = {step.name: step.key for step in plan().steps}
    return [StepEvent(keys[name], RunEventKind(f"step.{kind}")) for name, kind in events]


def test_the_next_step_is_the_first_that_is_not_settled() -> None:
    plan_ = plan()
    first, second = plan_.forward[:2]
    assert plan_.next_step({}) == first
    assert plan_.next_step({first.key: RunStepState.SKIPPED, second.key: RunStepState.FAILED}) == second
    assert plan_.next_step(dict.fromkeys((s.key for s in plan_.forward), RunStepState.DONE)) is None


@pytest.mark.parametrize(
    ("events", "back", "not_undone"),
    [
        ([], [], []),
        ([("Steps 1", "started"), ("Steps 1", "done")], [], ["Steps 1"]),
        ([("Steps 2", "skipped"), ("Steps 2b", "done")], ["Rollback 2"], []),
        (
            [("Steps 2", "started"), ("Steps 2", "done"), ("Steps 2b", "started"), ("Steps 2b", "failed")],
            ["Rollback 2", "Rollback 1"],
            ["Steps 2"],
        ),
        (
            [("Steps 2", "started"), ("Steps 2b", "started"), ("Steps 2", "unknown"), ("Steps 2", "started")],
            ["Rollback 1", "Rollback 2"],
            ["Steps 2"],
        ),
        ([("Steps 2b", "started"), ("Rollback 2", "started"), ("Rollback 2", "done")], [], []),
        ([("Prerequisites 1", "done")], [], []),
    ],
)
def test_the_way_back_is_the_reverse_of_what_was_carried_out(
    events: list[tuple[str, str]], back: list[str], not_undone: list[str]
) -> None:
    way = plan().way_back(happened(*events))
    assert [step.name for step in way.steps] == back
    assert [step.name for step in way.not_undone] == not_undone
