"""The workers of pytest-xdist as forks of the process that starts them.

Importing the product and the tests takes longer than running many test folders, and every worker would repeat it, and
start a command server (`tests/prefork.py`) that repeats it again. Here it is done once, for all of them.
"""

import contextlib
import importlib
import multiprocessing
import os
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import ModuleType

import execnet
import pytest
from execnet import gateway_io
from execnet.gateway_base import ExecModel, Popen2IO, get_execmodel

from tests import garbage, prefork

_forks = multiprocessing.get_context("fork")


class _Worker(Popen2IO):
    """A forked worker, with the part of `execnet.gateway_io.Popen2IOMaster` that execnet uses."""

    def __init__(self, others: Iterable["_Worker"]) -> None:
        stdin, to_worker = os.pipe()
        from_worker, stdout = os.pipe()
        # a worker that held an end of another one's pipe would keep it from noticing that this process has ended
        others_ends = (file.fileno() for other in others for file in (other.outfile, other.infile))
        ends = [to_worker, from_worker, *others_ends]
        self.process: ForkProcess = _forks.Process(target=_serve, args=(stdin, stdout, ends))
        self.process.start()
        os.close(stdin)
        os.close(stdout)
        super().__init__(
            os.fdopen(to_worker, "wb"), os.fdopen(from_worker, "rb"), get_execmodel("main_thread_only")
        )

    def wait(self) -> int | None:
        """Return the exit code once it has ended."""
        self.process.join()
        return self.process.exitcode

    def kill(self) -> None:
        """Send SIGKILL."""
        self.process.kill()


def _serve(stdin: int, stdout: int, ends: list[int]) -> None:
    """Do in a fork what `python -c` does in a worker that execnet starts."""
    for end in ends:
        os.close(end)
    for number, fd in enumerate((stdin, stdout)):
        os.dup2(fd, number)
        os.close(fd)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    main = sys.modules["__main__"] = ModuleType("__main__")
    exec(eval(sys.stdin.readline()), vars(main))  # noqa: S307, S102 - how execnet starts a worker


def start(config: pytest.Config, specs: list[execnet.XSpec]) -> None:
    """Import the tests of this run, and fork a worker for each specification.

    Does nothing if a worker could not be a fork. A worker that replaces one that crashed is not a fork.
    """
    is_plain = all(str(spec) == "execmodel=main_thread_only//popen" for spec in specs)
    can_fork = is_plain and sys.platform == "linux"
    # a fork would not write the coverage that it measured, and threads do not survive in one
    if not can_fork or "COVERAGE_RUN" in os.environ or threading.active_count() > 1:
        return
    prefork.start()
    importlib.import_module("tests.preload")
    _import_tests(config)
    garbage.keep()
    create_io, workers = gateway_io.create_io, dict[str, _Worker]()

    def forked_or_created(spec: execnet.XSpec, execmodel: ExecModel) -> Popen2IO:
        return workers.pop(spec.id or "", None) or create_io(spec, execmodel)

    for spec in specs:
        assert spec.id
        workers[spec.id] = _Worker(workers.values())
    gateway_io.create_io = forked_or_created  # type: ignore[assignment] # no public way


def _import_tests(config: pytest.Config) -> None:
    """Import the modules that pytest will collect; what fails here fails in each worker, which reports it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in _module_names(config):
            with contextlib.suppress(Exception):
                importlib.import_module(name)


def _module_names(config: pytest.Config) -> Iterator[str]:
    """Yield the modules of this run; the settings of a folder apply only to tests that are imported after them."""
    for argument in config.args:
        path = config.invocation_params.dir / argument.partition("::")[0]
        files = sorted(path.rglob("test_*.py")) if path.is_dir() else [path]
        folders = sorted({folder for file in files for folder in file.parents})
        for file in [*(folder / "conftest.py" for folder in folders), *files]:
            if file.is_file() and file.is_relative_to(config.rootpath):
                yield ".".join(Path(file.relative_to(config.rootpath)).with_suffix("").parts)
