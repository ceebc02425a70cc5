"""The tone check: what a text to customers should not say, as pure rules in linear time."""
