"""The demo, as a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "example_projects"
DEMO = EXAMPLES / "demo.py"

# It is ready, or over, within this many seconds.
PATIENCE = 60.0
# It promises to end within five seconds of being told.
END_PATIENCE = 6.0


@dataclass(slots=True, kw_only=True)
class Demo:
    """A demo that runs.

    Attributes:
        process: Its process.
        said: What it has printed until it was ready.
        addresses: Where the inspector ("inspector") and the examples, by folder, are served.
    """

    process: subprocess.Popen[str]
    said: str = ""
    addresses: dict[str, str] = field(default_factory=dict)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Tell it to end; return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(END_PATIENCE)

    def listen(self) -> None:
        """Read what it says until it has said everything."""
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if "Ctrl+C" in line:
                break
        self.said = "".join(lines)
        self.addresses = dict(re.findall(r"^  (\w+) +(http://\S+)$", self.said, re.MULTILINE))
        for inspector in re.findall(r"^Open (http://\S+)", self.said, re.MULTILINE):
            self.addresses["inspector"] = inspector


@contextmanager
def running_demo(*options: str) -> Iterator[Demo]:
    """Start the demo; yield it when it has printed its addresses, or has ended; end it."""
    with subprocess.Popen(
        [sys.executable, DEMO, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        # Told to end, it ends what it has started; killed, it could not.
        watchdog = threading.Timer(PATIENCE, process.terminate)
        watchdog.start()
        demo = Demo(process=process)
        try:
            demo.listen()
            yield demo
        finally:
            watchdog.cancel()
            if process.poll() is None:
                demo.end()
