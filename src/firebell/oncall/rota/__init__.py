"""The rota: turns of rotations, and who is on call when (pure)."""
