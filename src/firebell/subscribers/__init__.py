"""Subscribers of status pages: who they are, and the mails and webhooks that reach them."""
