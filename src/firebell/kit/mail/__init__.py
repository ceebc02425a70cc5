"""Mail: addresses, the mail server, and connections to it."""
