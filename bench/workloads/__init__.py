"""The workloads of `make bench`; `bench.run` names them W1, W2 and so on."""
