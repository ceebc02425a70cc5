"""What goes into a message: its settings, threads, reply codes, and pages that go out together.

The slice of its subject writes the text.
"""
