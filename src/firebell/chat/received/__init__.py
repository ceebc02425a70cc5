"""What arrives from chats, and up to where their channels are read."""
