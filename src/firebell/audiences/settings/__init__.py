"""The settings of audiences: who is kept informed, when, and with which templates."""
