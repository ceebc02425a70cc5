"""Inbound mail: alerts of tools that can only send mail, by SMTP or from a mailbox (spec 9.6)."""
