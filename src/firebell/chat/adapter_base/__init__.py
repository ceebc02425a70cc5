"""What the adapters of all chats build on: messages, calls, rates and refusals."""
