"""The statistics: quantiles, intervals and tests."""
