"""Pages: escalation policies, the pages that follow them, and the messages that reach people."""
