"""Durable names: they stand in histories and on task queues, and are never changed."""

DRIVE_COHORT = "drive_cohort"
DRIVE_SCHEDULES = "drive_schedules"
DRIVE_BULK = "drive_bulk"
LOOK = "look"
ADVANCE = "advance"
SEND = "send"
FIRE_SCHEDULES = "fire_schedules"
ENROLL_IN_BULK = "enroll_in_bulk"

CONTROL_QUEUE = "longplay-control"
BULK_CONTROL_QUEUE = "longplay-control-bulk"
EMAIL_QUEUE = "longplay-email"
BULK_EMAIL_QUEUE = "longplay-email-bulk"
APART_EMAIL_QUEUE = "longplay-email-apart"
BULK_APART_EMAIL_QUEUE = "longplay-email-bulk-apart"
NOTIFY_QUEUE = "longplay-notify"
BULK_NOTIFY_QUEUE = "longplay-notify-bulk"
WEBHOOK_QUEUE = "longplay-webhook"
BULK_WEBHOOK_QUEUE = "longplay-webhook-bulk"
SCHEDULES_ID = "longplay-schedules"
BULK_PREFIX = "longplay-bulk-"


def control_queue_of(driver: str) -> str:
    """Where a driver runs: what very many entered by keeps no lone lead's driver waiting."""
    lane = driver.rpartition("/")[0].rpartition("/")[2]
    is_bulk = lane == "bulk" or driver.startswith(BULK_PREFIX)
    return BULK_CONTROL_QUEUE if is_bulk else CONTROL_QUEUE
