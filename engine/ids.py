"""Identities: how they are made and how durable names are spelled. Nobody builds one elsewhere."""

import hashlib
import os
import threading
import time
from functools import lru_cache
from typing import NewType

LeadId = NewType("LeadId", str)
EventId = NewType("EventId", str)
EnrollmentId = NewType("EnrollmentId", str)
JobId = NewType("JobId", str)
BatchId = NewType("BatchId", str)
CohortId = NewType("CohortId", str)
Digest = NewType("Digest", str)

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_LENGTH = 20
_MADE = 10  # characters of an enrollment's id that say when it was made
_TIME = 8  # characters: 40 of the 48 bits of time, whole as letters
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_lock = threading.Lock()
_last = 0
_last_run = 0


def new_id() -> str:
    """A new id of 20 characters that sorts by the millisecond it was made in.

    48 bits of time, then 52 random bits; within a process ids strictly ascend, so that a batch
    keeps its order.
    """
    global _last  # noqa: PLW0603 - one ascending series per process
    number = (time.time_ns() // 1_000_000) << 52 | int.from_bytes(os.urandom(7), "big") >> 4
    with _lock:
        number = max(number, _last + 1)
        _last = number
    return _spelled(number)


def encode(number: int, length: int = _LENGTH) -> str:
    """`number` in base 32, padded to `length` characters."""
    pairs = []
    for _ in range(0, length, 2):
        pairs.append(_PAIRS[number & 1023])
        number >>= 10
    return "".join(reversed(pairs))[-length:]


def _spelled(number: int) -> str:
    """`encode` for ids, which every row of every batch needs: without the loop."""
    p = _PAIRS
    high, low = number >> 50, number & 0x3FFFFFFFFFFFF
    return (
        f"{p[high >> 40]}{p[high >> 30 & 1023]}{p[high >> 20 & 1023]}{p[high >> 10 & 1023]}"
        f"{p[high & 1023]}{p[low >> 40]}{p[low >> 30 & 1023]}{p[low >> 20 & 1023]}"
        f"{p[low >> 10 & 1023]}{p[low & 1023]}"
    )


def derived_id(*parts: object) -> str:
    """The id that always belongs to `parts`: the same parts give the same id."""
    text = "\x1f".join(str(part) for part in parts)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:13], "big")
    return _spelled(number & ((1 << 100) - 1))


def run_id(*cause: object) -> EnrollmentId:
    """A new enrollment's id: it sorts by when it was made, and ends in what made it.

    The end, `lasting`, is the same when the same cause makes the same record enter once more: in a
    store that was brought back from a copy. Within a process ids strictly ascend.
    """
    global _last_run  # noqa: PLW0603 - one ascending series per process
    made = (time.time_ns() // 1_000_000) << 2
    with _lock:
        made = max(made, _last_run + 1)
        _last_run = made
    return EnrollmentId(encode(made, _MADE) + derived_id("run", *cause)[_MADE:])


def lasting(enrollment: str) -> str:
    """The part of an enrollment's id that is made of its cause alone."""
    return enrollment[_MADE:]


def job_id(enrollment: str, seq: int) -> JobId:
    """The key of an effect: (enrollment, seq) and nothing else (runtime.md, I3).

    It begins like the enrollment's, so that what is inserted together lies together in an index;
    the rest is made of what lasts of the enrollment's id.
    """
    return JobId(enrollment[:_TIME] + derived_id("job", lasting(enrollment), seq)[_TIME:])


def lasting_of_job(job: str) -> str:
    """The part of a job's id that is the same when its run is made, and gone through, once more."""
    return job[_TIME:]


@lru_cache(maxsize=1024)
def cohort_id(playbook: str, digest: str, lane: str, shard: int) -> CohortId:
    """A cohort's id, which is its durable driver's workflow id too."""
    return CohortId(f"{playbook}@{digest[:12]}/{lane}/{shard}")


def lane_of(cohort: str) -> str:
    """The lane in a cohort's id: `live`, or `bulk` for those who entered with very many others."""
    return cohort.rpartition("/")[0].rpartition("/")[2]


def queue_in_lane(queue: str, lane: str) -> str:
    """The task queue of a lane, for what goes by `queue` when a lone lead waits for it."""
    return f"{queue}-bulk" if lane == "bulk" else queue


def queue_apart(queue: str) -> str:
    """The task queue beside `queue` for mail to providers that others should not wait behind."""
    return f"{queue}-apart"


def kind_of_queue(queue: str) -> str:
    """The queue without its lane: whether mail, notices or calls go by it."""
    return "-".join(queue.split("-")[:2])


BULK = "longplay-bulk-"
"""What the workflow ids of the drivers of bulk enrollments begin with."""


def bulk_driver_id(bulk: str) -> str:
    """The workflow id of a bulk enrollment's driver; it is nudged like a cohort's."""
    return BULK + bulk


def message_id(job: str, domain: str) -> str:
    """The Message-ID of a job: stable over every attempt, with its angle brackets."""
    return f"<{job}@{domain}>"
