"""The channels that reach people: each module that declares a `CHANNEL` is one; the others are what they share."""
