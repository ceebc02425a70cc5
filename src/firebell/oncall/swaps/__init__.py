"""Cover requests, swaps and time off."""
