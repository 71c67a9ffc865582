"""How soon a lone lead's first mail leaves: from the POST of its event to the sink's acceptance.

    python -m bench.latency [--leads 20] [--json]

Everything is at rest before each event. Beside it, in the same run, the time that the sink itself
takes for a message from a fresh connection.
"""

import argparse
import json
import smtplib
import statistics
import time
import urllib.request
from email.message import EmailMessage

from bench import shapes
from bench.arena import Arena, wait_until

REST = 1.5


def post(arena: Arena, number: int) -> None:
    event = {
        "id": f"lone-{number}",
        "name": "form.submitted",
        "lead": {"email": f"lone{number}@example.com", "first_name": "Ann"},
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{arena.web_port}/v1/events",
        json.dumps(event).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).read()


def seconds_to_mail(arena: Arena, number: int) -> float:
    """From before the POST until the sink has taken the first mail of this lead."""
    wanted = f"lone{number}@example.com"
    began = time.monotonic()
    post(arena, number)
    arrived = wait_until(lambda: any(to == wanted for _, to in arena.accepted()), 30, look=0.002)
    if not arrived:
        raise RuntimeError(f"no mail for {wanted}")
    return time.monotonic() - began


def bare_seconds(arena: Arena) -> float:
    """One message over a fresh connection, with Python's own client."""
    message = EmailMessage()
    message["Message-ID"], message["To"] = "<bare@bench.example>", "bare@example.com"
    message["From"] = "hello@bench.example"
    message.set_content("Hello")
    began = time.monotonic()
    with smtplib.SMTP("127.0.0.1", arena.sink_port) as client:
        client.send_message(message)
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with Arena() as arena:
        arena.write(shapes.files_under_fire())
        arena.publish().close()
        arena.start_sink()
        arena.start_temporal()
        arena.start_worker()
        arena.start_web()
        time.sleep(5)
        taken = []
        for number in range(args.leads):
            time.sleep(REST)
            taken.append(seconds_to_mail(arena, number))
        bare = statistics.median(bare_seconds(arena) for _ in range(5))
    found = {
        "leads": args.leads,
        "median_ms": round(statistics.median(taken) * 1000),
        "worst_ms": round(max(taken) * 1000),
        "bare_smtp_ms": round(bare * 1000),
    }
    if args.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:>14}  {value}")


if __name__ == "__main__":
    main()
