"""The rota itself: whose turn it is, and who is on call when (pure)."""
