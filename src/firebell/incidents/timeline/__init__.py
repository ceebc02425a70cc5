"""Timeline entries: writing, editing, attachments, exports."""
