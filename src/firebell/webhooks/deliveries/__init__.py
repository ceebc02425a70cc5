"""Deliveries of events to endpoints: the queue, the lane that sends them, and the log."""
