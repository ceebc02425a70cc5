"""From intents to actions: what chats do and show."""
