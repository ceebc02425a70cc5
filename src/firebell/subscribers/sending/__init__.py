"""Sending: the lanes of mails, webhooks and text messages, and the outcomes of deliveries."""
