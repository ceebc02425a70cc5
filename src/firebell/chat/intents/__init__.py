"""Intents: what a person wants, as commands, buttons and answers."""
