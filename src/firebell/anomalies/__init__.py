"""Anomalies: unusual numbers of alerts."""
