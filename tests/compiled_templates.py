"""Compiled templates, shared by the processes of one run: each would compile all of them, which takes seconds."""

import os
import shutil
import tempfile

import jinja2

from firebell.kit.web import html

_FOLDER = "FIREBELL_TEST_TEMPLATES"


def create_folder() -> None:
    """Create the folder of this run, for this process and those that it starts."""
    os.environ[_FOLDER] = tempfile.mkdtemp(prefix="firebell-test-templates-")


def remove_folder() -> None:
    """Remove the folder of this run."""
    shutil.rmtree(os.environ.pop(_FOLDER), ignore_errors=True)


def share() -> None:
    """Let this process read and write what is compiled in the folder of this run."""
    if folder := os.environ.get(_FOLDER):
        html._environment().bytecode_cache = jinja2.FileSystemBytecodeCache(folder)
