"""Covers, swaps and absences: what colleagues agree about their shifts."""
