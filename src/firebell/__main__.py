"""`python -m firebell`."""

from firebell.cli import main

main(prog_name="firebell")
