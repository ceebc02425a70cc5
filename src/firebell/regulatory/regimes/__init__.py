"""Regulatory regimes, one TOML file each, and customer contracts as regimes with one obligation."""
