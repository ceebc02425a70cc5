"""Channels that deliver messages to people: a module that declares a `CHANNEL` is one; the others hold shared code."""
