"""What comes back from the channels: receipts, pressed buttons and keys, and replies."""
