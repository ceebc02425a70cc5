"""The workloads by which Firebell is measured; `make bench` runs them all."""
