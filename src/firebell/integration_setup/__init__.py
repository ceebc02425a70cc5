"""Guided setup of integrations: choose a source, copy its settings, wait for the first event, send a test."""
