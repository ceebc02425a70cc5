"""Read cover requests, swaps and absences."""

from firebell.oncall.swaps.store import absences, cover, covers, swap, swaps

__all__ = ["absences", "cover", "covers", "swap", "swaps"]
