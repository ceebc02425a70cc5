"""classify-severity.py agrees with the product, with and without it installed, in a pipe and at a terminal."""

import itertools
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner

from firebell.cli import main as firebell
from firebell.commands import classify as command
from firebell.incidents import severity as product
from tests.handbook.readers import SKILL, module, run

SCRIPT = "scripts/classify-severity.py"
ALONE = ("-I", "-S")
SCRIPT_ALONE = (*ALONE, str(SKILL / SCRIPT))
PRODUCT = ("-m", "firebell", "classify")
EVERY = list(itertools.product((True, False, None), repeat=4))
WORD = {True: "yes", False: "no", None: "unknown"}
FLAGS = ("--down", "--degraded", "--workaround", "--customers")


def flags(answers: tuple[bool | None, ...]) -> list[str]:
    return [part for flag, answer in zip(FLAGS, answers, strict=True) for part in (flag, WORD[answer])]


def test_the_copy_asks_what_the_product_asks_and_means_what_it_means() -> None:
    copy = module(SCRIPT)
    assert [(q.name, q.text, q.help) for q in copy.QUESTIONS] == [
        (q.name, q.text, q.help) for q in product.QUESTIONS
    ]
    assert [(f.meaning, f.response) for f in copy.FACTS] == [
        (product.FACTS[s].meaning, product.FACTS[s].response) for s in product.Severity
    ]


@pytest.mark.parametrize("answers", EVERY)
def test_the_copy_gives_the_products_verdict(answers: tuple[bool | None, ...]) -> None:
    answered = dict(zip((q.name for q in product.QUESTIONS), answers, strict=True))
    copied, meant = module(SCRIPT).classify(answered), product.classify(answered)
    assert (copied.severity, copied.path, copied.provisional) == (
        meant.severity,
        meant.path,
        meant.provisional,
    )


def test_it_runs_with_the_standard_library_alone() -> None:
    for answers in EVERY[::7]:
        answered = dict(zip((q.name for q in product.QUESTIONS), answers, strict=True))
        alone = json.loads(run(SCRIPT, *flags(answers), "--json", flags=ALONE).stdout)
        assert alone["severity"] == f"SEV{product.classify(answered).severity}"
        assert alone["answers"] == answered
    code = "import importlib.util as u, sys; sys.exit(u.find_spec('firebell') is not None)"
    assert subprocess.run([sys.executable, *ALONE, "-c", code], check=False).returncode == 0


def test_it_uses_the_product_when_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    marked = product.Verdict(product.Severity.SEV3, ("the product was asked",), False)
    monkeypatch.setattr(product, "classify", lambda _: marked)
    assert module(SCRIPT).decide({}) is marked


@pytest.mark.parametrize("answers", [(None,) * 4, (False, True, True, None), (False, False, None, False)])
def test_it_prints_what_firebell_classify_prints(answers: tuple[bool | None, ...]) -> None:
    args = flags(answers)
    if answers == (None,) * 4:
        args = ["--down", "unknown"]
    for more in ([], ["--json"]):
        ours = run(SCRIPT, *args, *more, flags=ALONE).stdout
        assert ours == CliRunner().invoke(firebell, ["classify", *args, *more]).stdout


def test_it_is_quiet_when_asked() -> None:
    assert run(SCRIPT, "--down", "no", "--degraded", "no", "--quiet").stdout == "SEV2\n"


def asked_by_lines(typed: str) -> dict[str, Any]:
    """Return the JSON of the script after these lines."""
    verdict: dict[str, Any] = json.loads(run(SCRIPT, "--ask", "--json", typed=typed, flags=ALONE).stdout)
    return verdict


def test_lines_answer_where_there_is_no_terminal() -> None:
    ran = run(SCRIPT, "--ask", typed="no\nNO\ndon't know\n", flags=ALONE)
    assert ran.stdout.startswith("SEV2  ")
    assert "Is there a workaround?" not in ran.stderr
    assert "\033" not in ran.stdout + ran.stderr
    assert "Provisional" in ran.stdout


@pytest.mark.parametrize("yes", ["y", "Y", "yes", "YES", " Yes "])
@pytest.mark.parametrize("no", ["n", "N", "no", "NO"])
def test_yes_and_no_are_recognized_in_every_spelling(yes: str, no: str) -> None:
    assert asked_by_lines(f"{no}\n{yes}\n{yes}\n")["severity"] == "SEV1"
    args = ["--down", no.strip(), "--degraded", yes.strip(), "--workaround", yes.strip()]
    ours = run(SCRIPT, *args, "--json", flags=ALONE).stdout
    assert json.loads(ours)["severity"] == "SEV1"
    assert ours == CliRunner().invoke(firebell, ["classify", *args, "--json"]).stdout


@pytest.mark.parametrize("stray", ["", "x", "maybe", "nope", "yo", "0", "?", "\x1b[A"])
def test_a_stray_line_is_asked_again_and_is_no_answer(stray: str) -> None:
    verdict = asked_by_lines(f"{stray}\nn\n{stray}\n{stray}\ny\ny\n")
    assert (verdict["severity"], verdict["provisional"]) == ("SEV1", False)


def test_undo_goes_back_one_question() -> None:
    assert asked_by_lines("n\nn\nu\ny\ny\n")["severity"] == "SEV1"
    assert asked_by_lines("n\ny\nundo\nu\ny\n")["severity"] == "SEV0"
    assert asked_by_lines("u\nn\nn\nn\n")["severity"] == "SEV3"


def test_input_that_ends_too_early_is_an_error() -> None:
    assert run(SCRIPT, "--ask", typed="n\n", code=2).stdout == ""


def test_without_a_terminal_the_script_names_its_options() -> None:
    ran = run(SCRIPT, code=2)
    assert "Use --down, --degraded, --workaround and --customers" in ran.stderr


@pytest.mark.parametrize("wrong", [["--down", "maybe"], ["--ask", "--down", "no"], ["--json", "--quiet"]])
def test_a_wrong_command_line_is_refused(wrong: list[str]) -> None:
    assert "error:" in run(SCRIPT, *wrong, code=2).stderr


def test_help_lists_exit_codes_and_examples() -> None:
    out = run(SCRIPT, "--help", flags=ALONE).stdout
    assert re.search(r"^  0 .*found$.*^  2 .*^  130 .*Ctrl-C$", out, re.M | re.S)
    assert "classify-severity.py --down no" in out


class Sitting:
    """A person at a real terminal."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self.master, self.process, self.seen = master, process, ""

    def sees(self, text: str, times: int = 1) -> None:
        """Wait until the text is on the screen, `times` times."""
        deadline = time.monotonic() + 60
        while self.seen.count(text) < times:
            assert time.monotonic() < deadline, self.seen
            self.more(0.1)

    def more(self, limit_s: float) -> bool:
        """Read the output; return True if there was any."""
        if not select.select([self.master], [], [], limit_s)[0]:
            return False
        try:
            chunk = os.read(self.master, 4096)
        except OSError:
            return False
        self.seen += chunk.decode()
        return bool(chunk)

    def types(self, key: str) -> None:
        """Press keys."""
        os.write(self.master, key.encode())

    def ends(self) -> int:
        """Wait for the end; return the exit code."""
        code = self.process.wait(60)
        while self.more(0.1):
            pass
        return code


@contextmanager
def at_a_terminal(*program: str, **env: str) -> Iterator[Sitting]:
    """Start a program, the script by default, at a terminal of its own."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *(program or SCRIPT_ALONE)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "xterm", **env},
        start_new_session=True,
        # tests that run in the background ignore Ctrl-C, and so would their children
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(slave)
    try:
        yield Sitting(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_the_script_and_the_product_read_the_same_answers() -> None:
    copy = module(SCRIPT)
    assert copy.ANSWERS == command.ANSWERS
    assert copy.UNDO == command.UNDO
    assert (copy.PROMPT, copy.ASK_AGAIN) == (command.PROMPT, command.ASK_AGAIN)


@pytest.mark.parametrize(
    ("keys", "severity", "provisional"),
    [
        (("n", "y", "y"), "SEV1", False),
        (("N", "Y", "D"), "SEV0", True),
        (("\r", "x", "\x1b[D", "0", "n", "\n", "n", " ", "n"), "SEV3", False),
        (("n", "n", "u", "y", "y"), "SEV1", False),
        (("u", "n", "\x7f", "d"), "SEV0", True),
    ],
)
def test_the_same_keys_mean_the_same_to_the_script_and_to_the_product(
    keys: tuple[str, ...], severity: str, provisional: bool
) -> None:
    for program in (SCRIPT_ALONE, PRODUCT):
        for env in ({}, {"TERM": "dumb"}):
            with at_a_terminal(*program, "--json", **env) as person:
                for number, key in enumerate(keys, 1):
                    person.sees(command.PROMPT, number)
                    person.types(key)
                assert person.ends() == 0
            verdict = json.loads(person.seen[person.seen.index("{") :])
            assert (verdict["severity"], verdict["provisional"]) == (severity, provisional), program


def test_one_key_answers_and_the_path_is_shown_in_colours() -> None:
    with at_a_terminal() as person:
        for asks, key in (("completely down", "n"), ("functionality degraded", "y"), ("a workaround", "d")):
            person.sees(asks)
            person.sees("\033[1m")
            person.types(key)
        assert person.ends() == 0
    assert "\033[1;35mSEV0\033[0m" in person.seen
    assert "Is there a workaround? not known, taken as the worse." in person.seen
    assert "Are customers impacted" not in person.seen


def test_no_colour_is_no_colour() -> None:
    with at_a_terminal(NO_COLOR="1") as person:
        person.sees("completely down")
        person.types("y")
        assert person.ends() == 0
    assert "SEV0" in person.seen
    assert "\033" not in person.seen


def test_ctrl_c_is_130_and_leaves_the_terminal_as_it_was() -> None:
    with at_a_terminal() as person:
        person.sees(command.PROMPT)
        person.process.send_signal(signal.SIGINT)
        assert person.ends() == 130
    assert "Stopped." in person.seen
    assert "Traceback" not in person.seen
