"""Where a person is signed in, what acts for them, and the end of their account."""
