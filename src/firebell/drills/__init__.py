"""Drills: game days and tabletops from scenario files, on a clock, in a sandbox, with a score."""
