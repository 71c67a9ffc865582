"""A drill with the image: the embedded compose file runs a playbook through, a worker is killed.

Everything is waited for generously and looked at exactly: each mail must have come once, and every
enrollment must have finished. What it measures on the way are figures, not conditions.
"""

import email
import email.policy
import json
import shutil
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from bench.arena import cpu_seconds
from deploy.docker_by_hand import Engine
from deploy.host_network import HOST, Ports, on_host

LEADS = 40
PROJECT = "longplay-check"
USER = "10001:10001"
DEPLOY = Path(__file__).resolve().parent
_PATIENCE = 180.0
_IDLE = 15.0

_FILES = {
    "longplay.yaml": """\
workspace: drill
timezone: Asia/Shanghai
sender:
  from: "Acme 市场部 <hello@acme.example>"
  postal_address: "1 Funnel Street"
""",
    "playbooks/two-mails.yaml": """\
playbook: two-mails
enroll:
  when: [manual]
steps:
  - email: first
  - wait_for: order.placed
    up_to: 10 days
    then:
      - email: second
      - end: ordered
""",
    "templates/email/first.html": """\
<title>First, {{ lead.first_name }}</title>
<p>你好 {{ lead.first_name }}. {{ sender.postal_address }}
<a href="{{ unsubscribe_url }}">退订</a></p>
""",
    "templates/email/second.html": """\
<title>Second, {{ lead.first_name }}</title>
<p>Thank you. <a href="{{ unsubscribe_url }}">Unsubscribe</a> {{ sender.postal_address }}</p>
""",
}


class Failed(Exception):
    """The image does not do what it must; the text says what."""


class Drill:
    """One run of the embedded compose file.

    Args:
        engine: where it runs.
        image: the image, with Temporal's dev server in it.
        tell: takes each line for people.
    """

    def __init__(self, engine: Engine, image: str, tell: Callable[[str], None]) -> None:
        self.engine = engine
        self.image = image
        self.tell = tell
        self.ports = Ports()
        self.folder = engine.folder / "drill"
        self.figures: dict[str, str] = {}

    def run(self) -> None:
        """Runs all of it.

        Raises:
            Failed: something is not as it must be.
        """
        self._write()
        with self._standing():
            self._publish_and_enroll()
            self._until("the first mails", lambda: self._accepted() == LEADS)
            self.engine.docker("kill", self._container("worker-1"))
            self.tell("a worker was killed in the midst of it")
            self._tell_of_orders()
            self._until("the second mails", lambda: self._accepted() == 2 * LEADS)
            self._until("the end of every enrollment", lambda: self._finished() == LEADS)
            self._look_at_mails()
            self._measure_starts()
            try:
                self._measure_idling()
            except OSError as error:  # a process that ended while it was looked at
                self.tell(f"what idling costs could not be measured: {error}")
            self._stop()

    def _write(self) -> None:
        shutil.copytree(
            DEPLOY,
            self.folder,
            ignore=shutil.ignore_patterns("secrets", "workspace", ".env", "__pycache__"),
        )
        self.engine.run(["sh", "prepare.sh", str(self.folder)], cwd=self.folder)
        composed = yaml.safe_load((self.folder / "compose.embedded.yaml").read_text("utf-8"))
        text = yaml.safe_dump(on_host(composed, self.ports), allow_unicode=True)
        (self.folder / "drill.yaml").write_text(text, encoding="utf-8")
        for name, content in _FILES.items():
            path = self.folder / "workspace" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        rows = "".join(f"lead{n}@acme.example,客户 {n}\n" for n in range(LEADS))
        leads = f"email,first_name\n{rows}".encode("gb18030")
        (self.folder / "workspace" / "leads.csv").write_bytes(leads)
        self.engine.run(["chown", "-R", USER, str(self.folder / "workspace")])

    @contextmanager
    def _standing(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            self._compose("up", "-d", within=600)
            self._until("the web server", lambda: self._answers(self.ports.web))
            for port in self.ports.metrics.values():
                self._until("a worker", lambda port=port: self._answers(port))  # type: ignore[misc]
            self.tell(f"up, all of it, within {time.monotonic() - began:.1f} s")
            yield
        except BaseException:
            print(self._compose("logs", "--tail=40", check=False)[-12_000:], flush=True)
            raise
        finally:
            self._compose("down", "--volumes", "--timeout=20", check=False, within=300)

    def _publish_and_enroll(self) -> None:
        self._compose("run", "--rm", "cli", "init", "/workspace/tutorial")
        self._compose("run", "--rm", "cli", "-C", "/workspace/tutorial", "validate")
        self._compose("run", "--rm", "cli", "apply")
        told = json.loads(
            self._compose("run", "--rm", "cli", "leads", "import", "leads.csv", "--json")
        )
        if told["created"] != LEADS:
            raise Failed(f"of {LEADS} leads in a GB 18030 file {told['created']} were made")
        self._compose("run", "--rm", "cli", "enroll", "two-mails", "--all")

    def _tell_of_orders(self) -> None:
        key = (self.folder / "secrets" / "api_keys").read_text("utf-8").strip()
        events = [
            {"name": "order.placed", "id": f"o-{n}", "lead": {"email": f"lead{n}@acme.example"}}
            for n in range(LEADS)
        ]
        request = urllib.request.Request(
            f"http://{HOST}:{self.ports.web}/v1/events",
            data=json.dumps(events).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            told = json.load(answer)
        if told["accepted"] != LEADS:
            raise Failed(f"of {LEADS} events {told} were accepted")

    def _look_at_mails(self) -> None:
        at = self.engine.docker(
            "volume", "inspect", "--format={{.Mountpoint}}", f"{PROJECT}_data"
        ).stdout.strip()
        caught: Counter[tuple[str, str]] = Counter()
        for path in Path(at, "mail").glob("*.eml"):
            found = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            caught[str(found["X-Envelope-To"]), str(found["Subject"])] += 1
        expected = {
            (f"lead{n}@acme.example", f"{which}, 客户 {n}")
            for n in range(LEADS)
            for which in ("First", "Second")
        }
        if set(caught) != expected or set(caught.values()) != {1}:
            wrong = set(caught) ^ expected or [one for one, n in caught.items() if n != 1]
            raise Failed(f"mails that are missing, unknown or there twice: {sorted(wrong)[:5]}")
        self.tell(f"{len(caught)} mails came, each of them once")

    def _measure_starts(self) -> None:
        for name, port in (("web", self.ports.web), ("worker-2", self.ports.metrics["worker-2"])):
            began = time.monotonic()
            self.engine.docker("restart", "--time=20", self._container(name))
            started = self._started(name)
            self._until(f"{name} again", lambda port=port: self._answers(port), pause=0.05)  # type: ignore[misc]
            self.figures[f"{name}: ready after its start"] = f"{time.time() - started:.1f} s"
            self.figures[f"{name}: restarted"] = f"{time.monotonic() - began:.1f} s"

    def _measure_idling(self) -> None:
        time.sleep(5)
        names = ("web", "worker-2", "temporal", "catcher")
        pids = {name: self._look(name, "{{.State.Pid}}") for name in names}
        before = {name: cpu_seconds(int(pid)) for name, pid in pids.items()}
        time.sleep(_IDLE)
        for name, pid in pids.items():
            share = (cpu_seconds(int(pid)) - before[name]) / _IDLE
            asked = ("stats", "--no-stream", "--format={{.MemUsage}}", self._container(name))
            memory = self.engine.docker(*asked).stdout.split("/")[0].strip()
            self.figures[f"{name}: idle"] = f"{share:.1%} of a core, {memory}"

    def _stop(self) -> None:
        """SIGTERM to each: all must end by themselves, well before Docker would kill them."""
        for name in ("worker-2", "web"):
            began = time.monotonic()
            self.engine.docker("stop", "--time=60", self._container(name))
            self.figures[f"{name}: stopped"] = f"{time.monotonic() - began:.1f} s"
            status = self._look(name, "{{.State.ExitCode}}")
            if status != "0":
                raise Failed(f"'{name}' ended with exit status {status} after SIGTERM")

    def _accepted(self) -> int:
        told = self._cli("messages", "list", "--json")
        return sum(one["state"] == "accepted" for one in told)

    def _finished(self) -> int:
        told = self._cli("enrollments", "list", "--json")
        return sum(one["state"] == "finished" for one in told)

    def _cli(self, *arguments: str) -> Any:
        return json.loads(
            self.engine.docker("exec", self._container("web"), "longplay", *arguments).stdout
        )

    def _compose(self, *arguments: str, check: bool = True, within: float = 180) -> str:
        command = ["docker-compose", "--project-name", PROJECT, "--file", "drill.yaml", *arguments]
        done = self.engine.run(
            command, check=check, within=within, cwd=self.folder, LONGPLAY_IMAGE=self.image
        )
        return done.stdout

    def _container(self, service: str) -> str:
        return self._compose("ps", "--all", "-q", service).strip()

    def _look(self, service: str, form: str) -> str:
        asked = ("inspect", f"--format={form}", self._container(service))
        return self.engine.docker(*asked).stdout.strip()

    def _started(self, service: str) -> float:
        from datetime import datetime

        text = self._look(service, "{{.State.StartedAt}}")
        return datetime.fromisoformat(text[:19] + "+00:00").timestamp() + float(f"0{text[19:-1]}")

    def _answers(self, port: int) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _until(self, what: str, there: Callable[[], bool], pause: float = 1.0) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not there():
            if time.monotonic() > deadline:
                raise Failed(f"{what} did not come within {_PATIENCE:.0f} s")
            time.sleep(pause)
