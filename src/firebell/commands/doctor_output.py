"""Prints the results of checks, and ends the command."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import NoReturn

import click

from firebell.kit.findings import CheckResult

_MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}


def print_results(results: Sequence[CheckResult], *, json_: bool) -> NoReturn:
    """Print results, and exit with 1 if a check failed, with 0 otherwise."""
    good = all(each.level != "fail" for each in results)
    if json_:
        click.echo(json.dumps({"ok": good, "findings": [asdict(each) for each in results]}, indent=2))
    else:
        for each in results:
            mark, color = _MARKS[each.level]
            click.echo(f"{click.style(mark, fg=color)}  {each.text}")
    raise SystemExit(0 if good else 1)
