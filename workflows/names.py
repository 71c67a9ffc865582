"""Durable names: they stand in histories and on task queues, and are never changed."""

DRIVE_COHORT = "drive_cohort"
DRIVE_SCHEDULES = "drive_schedules"
LOOK = "look"
ADVANCE = "advance"
SEND = "send"
FIRE_SCHEDULES = "fire_schedules"

CONTROL_QUEUE = "longplay-control"
EMAIL_QUEUE = "longplay-email"
NOTIFY_QUEUE = "longplay-notify"
WEBHOOK_QUEUE = "longplay-webhook"
SCHEDULES_ID = "longplay-schedules"
