"""Messages that are taken back."""
