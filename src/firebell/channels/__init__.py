"""The channels that reach people: each module but `base`, `registry` and the helpers is one channel."""
