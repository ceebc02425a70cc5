"""Benchmarks of Firebell; `make bench` runs them all."""
