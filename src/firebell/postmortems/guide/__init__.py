"""What a document still needs: the guided steps with their state, and the checks before publication (pure)."""
