"""The first draft of a document, from what was recorded (pure)."""
