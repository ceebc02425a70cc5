"""Users of a chat linked to people, and who acts in which channel."""
