"""When a mail or text to a subscriber is tried again (pure; spec 7.11); webhooks follow `kit.retries`."""

from datetime import timedelta

MAIL_RETRIES = tuple(timedelta(minutes=m) for m in (5, 15, 60, 240))
SMS_RETRIES = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60))
