"""What messages to subscribers say, as mails, webhooks and text messages."""
