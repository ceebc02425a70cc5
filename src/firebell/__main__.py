"""`python -m firebell`."""

from firebell.cli import main

main()
