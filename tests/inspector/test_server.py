"""The running inspector, over real HTTP, in this process and as a command."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from posthog_web.inspector import Inspector
from posthog_web.inspector.encodings import MAX_BODY_BYTES

from .conftest import a_batch, an_event

PATIENCE = 10.0


def deliver(
    url: str, *events: dict[str, Any], headers: dict[str, str] | None = None
) -> requests.Response:
    """Post *events* as one batch; a redirect is not followed."""
    return requests.post(
        f"{url}/batch/",
        json=a_batch(*events),
        headers=headers,
        allow_redirects=False,
        timeout=PATIENCE,
    )


def messages(response: requests.Response) -> Iterator[dict[str, str]]:
    """Yield the server-sent events of an open stream, comments left out."""
    message: dict[str, str] = {}
    for line in response.iter_lines(chunk_size=1, decode_unicode=True):
        name, _, value = line.partition(": ")
        if line and name:
            message[name] = value
        elif message:
            if "data" in message:
                yield message
            message = {}


class TestDeliveries:
    """What comes in."""

    def test_gzip(self, inspector: Inspector) -> None:
        """A gzipped delivery is stored, and logged with both its sizes."""
        event = an_event()
        plain = json.dumps(a_batch(event)).encode()
        packed = gzip.compress(plain)
        answer = requests.post(
            f"{inspector.url}/batch/",
            data=packed,
            headers={"Content-Encoding": "gzip", "User-Agent": "posthog-web/1"},
            timeout=PATIENCE,
        )
        [request] = inspector.requests()

        assert (answer.status_code, answer.json()) == (200, {"status": 1})
        assert inspector.events() == [event | {"deliveries": 1}]
        assert (request["wire_bytes"], request["plain_bytes"]) == (len(packed), len(plain))
        assert (request["content_encoding"], request["user_agent"]) == ("gzip", "posthog-web/1")
        assert (request["events"], request["uuids"]) == (1, [event["uuid"]])

    def test_duplicate(self, inspector: Inspector) -> None:
        """A uuid delivered again is one event with two deliveries."""
        event = an_event()
        deliver(inspector.url, event)
        deliver(inspector.url, event)

        assert inspector.events() == [event | {"deliveries": 2}]

    def test_problems(self, inspector: Inspector) -> None:
        """A flawed event in a good batch is stored and its flaw named."""
        deliver(inspector.url, an_event(distinct_id=None), an_event())

        assert len(inspector.events()) == 2
        assert len(inspector.problems()) == 1

    def test_too_large(self, inspector: Inspector) -> None:
        """A body over the limit is read to its end and answered 413."""
        answer = requests.post(
            f"{inspector.url}/batch/", data=bytes(MAX_BODY_BYTES + 1), timeout=PATIENCE
        )

        assert answer.status_code == 413
        assert inspector.requests()[0]["wire_bytes"] == MAX_BODY_BYTES + 1

    def test_foreign_host(self, inspector: Inspector) -> None:
        """A request under a foreign name is refused."""
        answer = deliver(inspector.url, an_event(), headers={"Host": "evil.example"})

        assert (answer.status_code, inspector.events()) == (421, [])


class TestWaiting:
    """`wait_for` and `wait_for_requests`."""

    def test_wait_for(self, inspector: Inspector) -> None:
        """Waiting ends as soon as enough has arrived, delivered from another thread."""
        thread = threading.Thread(
            target=deliver, args=(inspector.url, an_event("paid"), an_event("other"))
        )
        thread.start()
        found = inspector.wait_for(1, name="paid")
        thread.join()

        assert [event["event"] for event in found] == ["paid"]
        assert len(inspector.wait_for_requests(1)) == 1

    def test_impatience(self, inspector: Inspector) -> None:
        """When time runs out the error lists what did arrive."""
        deliver(inspector.url, an_event("other", distinct_id="ada"))

        with pytest.raises(
            AssertionError, match=r"1 events named 'paid'; 0 came.*other \(ada\).*200"
        ):
            inspector.wait_for(1, name="paid", timeout=0.01)

    def test_filters(self, inspector: Inspector) -> None:
        """Events are found by name and by person; clearing forgets them."""
        deliver(inspector.url, an_event("a"), an_event("b", distinct_id="ada"))
        by_name, by_person = inspector.events("a"), inspector.events(distinct_id="ada")
        inspector.clear()

        assert [event["event"] for event in by_name + by_person] == ["a", "b"]
        assert (inspector.events(), inspector.requests()) == ([], [])


class TestOutage:
    """Scripted answers."""

    def test_failing(self, inspector: Inspector) -> None:
        """A scripted failure stores nothing, is logged with its events, and ends in time."""
        inspector.answer(503, times=2, headers={"Retry-After": "1"})
        event = an_event()
        answers = [deliver(inspector.url, event) for _ in range(3)]
        logged = [
            (request["status"], request["scripted"], request["uuids"])
            for request in inspector.requests()
        ]

        assert [answer.status_code for answer in answers] == [503, 503, 200]
        assert answers[0].headers["Retry-After"] == "1"
        assert inspector.events() == [event | {"deliveries": 1}]
        assert logged == [(503, True, [event["uuid"]])] * 2 + [(200, False, [event["uuid"]])]

    def test_over_http(self, inspector: Inspector) -> None:
        """The script can be written, read and cleared over HTTP."""
        answers = f"{inspector.url}/api/answers"
        written = requests.post(answers, json={"status": 413, "times": 3}, timeout=PATIENCE).json()
        refused = deliver(inspector.url, an_event()).status_code
        left = requests.get(answers, timeout=PATIENCE).json()
        cleared = requests.delete(answers, timeout=PATIENCE).json()

        assert (written["answers"][0]["times"], refused) == (3, 413)
        assert (left["answers"][0]["times"], cleared["answers"]) == (2, [])
        assert deliver(inspector.url, an_event()).status_code == 200

    def test_slow(self, inspector: Inspector) -> None:
        """A slow 200 has the events at once and answers after the delay."""
        inspector.answer(200, times=1, delay=0.2)
        started = time.monotonic()
        answer = deliver(inspector.url, an_event())

        assert answer.status_code == 200
        assert time.monotonic() - started >= 0.2
        assert len(inspector.events()) == 1

    def test_close(self, inspector: Inspector) -> None:
        """A closed connection gives the library no answer at all."""
        inspector.answer(close=True, times=1)
        with pytest.raises(requests.ConnectionError):
            deliver(inspector.url, an_event())
        [request] = inspector.requests()

        assert (request["status"], inspector.events()) == (None, [])
        assert deliver(inspector.url, an_event()).status_code == 200

    def test_redirect(self, inspector: Inspector) -> None:
        """A redirect is a status and a Location."""
        inspector.answer(301, headers={"Location": "/elsewhere"})
        answer = deliver(inspector.url, an_event())
        inspector.answer_normally()

        assert (answer.status_code, answer.headers["Location"]) == (301, "/elsewhere")

    def test_impossible(self, inspector: Inspector) -> None:
        """An impossible answer is refused at once."""
        with pytest.raises(ValueError, match="`status`"):
            inspector.answer(1000)


class TestStream:
    """The live stream."""

    def open(self, inspector: Inspector, **headers: str) -> requests.Response:
        """Return an open stream."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.get(
            f"{inspector.url}/api/stream", headers=sent, stream=True, timeout=PATIENCE
        )

    def test_live_and_resumed(self, inspector: Inspector) -> None:
        """Each event is sent as it arrives; who comes back gets what was missed."""
        deliver(inspector.url, an_event("before"))
        with self.open(inspector) as stream:
            deliver(inspector.url, an_event("first"))
            seen = next(messages(stream))
        deliver(inspector.url, an_event("second"))
        with self.open(inspector, last_event_id=seen["id"]) as stream:
            reader = messages(stream)
            kinds = [next(reader) for _ in range(3)]

        assert (seen["event"], json.loads(seen["data"])["name"]) == ("event", "first")
        assert [message["event"] for message in kinds] == ["event", "request", "request"]
        assert json.loads(kinds[0]["data"])["name"] == "second"

    def test_repeated_delivery(self, inspector: Inspector) -> None:
        """An event delivered again is sent again, with its deliveries."""
        event = an_event()
        deliver(inspector.url, event)
        with self.open(inspector) as stream:
            deliver(inspector.url, event)
            seen = next(messages(stream))

        assert json.loads(seen["data"])["deliveries"] == 2

    def test_clear(self, inspector: Inspector) -> None:
        """Who watches learns that everything was cleared, also when it happened meanwhile."""
        deliver(inspector.url, an_event())
        with self.open(inspector) as stream:
            inspector.clear()
            live = next(messages(stream))
        with self.open(inspector, last_event_id="0123abcd.7.7") as stream:
            late = next(messages(stream))

        assert (live["event"], late["event"]) == ("clear", "clear")

    def test_hostile_text(self, inspector: Inspector) -> None:
        """No text in an event can forge a message."""
        with self.open(inspector) as stream:
            deliver(inspector.url, an_event("a\r\n\r\nevent: clear\u2028\ndata: {}\n\n"))
            seen = next(messages(stream))

        assert seen["event"] == "event"

    def test_close_ends_streams(self) -> None:
        """Closing ends open streams and slow answers at once, and twice does no harm."""
        inspector = Inspector()
        inspector.answer(200, delay=60)
        thread = threading.Thread(target=deliver, args=(inspector.url, an_event()))
        with self.open(inspector) as stream:
            thread.start()
            inspector.wait_for_requests(1)
            started = time.monotonic()
            inspector.close()
            assert list(messages(stream))
        thread.join()
        inspector.close()

        assert time.monotonic() - started < 2


class TestCommand:
    """`python -m posthog_web inspector`."""

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command."""
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "posthog_web", "inspector", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_signal_with_an_open_stream(self, number: int) -> None:
        """It names its address first, and a signal ends it promptly while a browser watches."""
        process = self.start("--port", "0")
        assert process.stdout
        first, second = process.stdout.readline(), process.stdout.readline()
        url = first.removeprefix("PostHog inspector: ").strip()
        with requests.get(f"{url}/api/stream", stream=True, timeout=PATIENCE):
            assert deliver(url, an_event()).status_code == 200
            started = time.monotonic()
            process.send_signal(number)
            output, errors = process.communicate(timeout=PATIENCE)

        assert f"POSTHOG_HOST={url}" in second
        assert (process.returncode, output, errors) == (0, "", "")
        assert time.monotonic() - started < 2

    def test_database(self, tmp_path: Path) -> None:
        """With --database what arrived is there the next time."""
        database = str(tmp_path / "events.sqlite")
        for count in (1, 2):
            process = self.start("--port", "0", "--database", database)
            assert process.stdout
            url = process.stdout.readline().split()[-1]
            deliver(url, an_event())
            events = requests.get(f"{url}/api/events", timeout=PATIENCE).json()["events"]
            process.terminate()
            process.communicate(timeout=PATIENCE)

            assert len(events) == count

    def test_port_in_use(self, inspector: Inspector) -> None:
        """A taken port is one sentence and exit status 1."""
        process = self.start("--port", inspector.url.rpartition(":")[2])
        output, errors = process.communicate(timeout=PATIENCE)

        assert (process.returncode, output, errors.count("\n")) == (1, "", 1)
        assert errors.startswith("Cannot listen on 127.0.0.1:")

    @pytest.mark.parametrize("host", ["192.168.1.1", "::", "example.com"])
    def test_not_loopback(self, host: str) -> None:
        """Another address than loopback is refused with the reason."""
        process = self.start("--host", host)
        _, errors = process.communicate(timeout=PATIENCE)

        assert process.returncode == 2
        assert "has no login" in errors

    def test_unusable_database(self, tmp_path: Path) -> None:
        """A database that cannot be opened is one sentence and exit status 1."""
        process = self.start("--port", "0", "--database", str(tmp_path / "no" / "where"))
        output, errors = process.communicate(timeout=PATIENCE)

        assert (process.returncode, output, errors.count("\n")) == (1, "", 1)

    @pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
    def test_without_the_extra(self, missing: str) -> None:
        """Without its packages the command says what to install, and the import too."""
        program = (
            f"import sys; sys.modules[{missing!r}] = None\n"
            "import posthog_web.inspector\n"
            "try: posthog_web.inspector.Inspector\n"
            "except ModuleNotFoundError as error: print(error)\n"
            "from posthog_web.__main__ import main\n"
            "sys.exit(main(['inspector']))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )

        assert done.returncode == 2
        assert 'pip install "posthog-web[inspector]"' in done.stderr
        assert done.stdout == done.stderr

    def test_import_is_light(self) -> None:
        """Neither the package nor the help of the command loads a web framework."""
        program = (
            "import sys, posthog_web.inspector, posthog_web.inspector.command as command\n"
            "try: command.main(['--help'])\n"
            "except SystemExit: pass\n"
            "sys.exit(bool({'starlette', 'uvicorn', 'sqlite3'} & sys.modules.keys()))\n"
        )

        # Measuring coverage would load sqlite3, too.
        environment = {key: os.environ[key] for key in os.environ if "COVERAGE" not in key}
        command = [sys.executable, "-c", program]
        assert subprocess.run(command, env=environment, check=False).returncode == 0
