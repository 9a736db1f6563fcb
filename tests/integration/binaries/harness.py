"""What the tests of the binaries share: a server of their own, the command line, a terminal.

Each test file is run as: FILE TASKFORGED TASKFORGE
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

TASKFORGED, TASKFORGE = (os.path.abspath(path) for path in sys.argv[1:3])
TIMEOUT_S = 60  # For a slow machine; never waited for when all is well.


def environment(**more):
    """The test's own, without what would change what the binaries do; servers keep all in memory."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TASKFORGE_", "GRPC_")) and name not in ("NO_COLOR", "TERM")
    }
    return {**kept, "TERM": "xterm", "TASKFORGE_DATA_DIR": "none", **more}


def run(*argv, stdin=None, **env):
    """Runs a program to its end; text in and out."""
    return subprocess.run(
        argv,
        input=stdin,
        stdin=None if stdin is not None else subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env=environment(**env),
    )


def start(*argv, **keywords):
    """Starts a program whose output is read while it runs."""
    keywords = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **keywords}
    env = environment(**keywords.pop("env", {}))
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, text=True, env=env, **keywords)


def finish(process):
    """Its exit code, stdout and stderr."""
    out, err = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, out, err


class Terminal:
    """A pseudo-terminal that a program can have as its stdout or stderr (`slave`)."""

    def __init__(self):
        self._master, self.slave = os.openpty()

    def read_until(self, text):
        """What the program has written when `text` has come, or when it has ended."""
        seen = b""
        while text.encode() not in seen:
            try:
                seen += os.read(self._master, 65536)
            except OSError:  # EIO: nobody holds the other end.
                break
        return seen.decode().replace("\r\n", "\n")

    def close_slave(self):
        os.close(self.slave)

    def close(self):
        os.close(self._master)


def on_terminal(*argv, **env):
    """Runs a program whose stdout is a terminal; returns what it wrote there."""
    terminal = Terminal()
    process = start(*argv, stdout=terminal.slave, stderr=subprocess.DEVNULL, env=env)
    terminal.close_slave()
    text = terminal.read_until("\0")  # To its end.
    terminal.close()
    process.wait(timeout=TIMEOUT_S)
    return text


def until(condition):
    """Asks until the answer is true. Each question is a process or a call: no time is burnt."""
    tries = 0
    while not condition():
        tries += 1
        assert tries < 1000, "it did not come about"


class Server:
    """A taskforged on free ports; a context manager, which ends it."""

    def __init__(self, *flags, listen="127.0.0.1:0", env=None):
        """More `flags` may be added until it is entered."""
        self.directory = tempfile.TemporaryDirectory(prefix="taskforge-test.")
        self.ready_file = pathlib.Path(self.directory.name) / "ready"
        self.lines = []
        self.flags = [
            *("--grpc-listen", listen, "--admin-listen", "127.0.0.1:0"),
            *("--ready-file", str(self.ready_file)),
            *flags,
        ]
        self._env = env or {}
        self._changed = threading.Condition()
        self._ended = False
        self.process = None

    def __enter__(self):
        self.process = start(TASKFORGED, "serve", *self.flags, env=self._env)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        if not self.wait_for_line(" serving "):
            self.__exit__()
            raise AssertionError("the server did not start:\n" + "\n".join(self.lines))
        self.ready = json.loads(self.ready_file.read_text())
        self.grpc, self.admin = self.ready["grpc"], self.ready["admin"]
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        self.directory.cleanup()

    def _read(self):
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for_line(self, text):
        """Whether a line of its log holds `text`, now or later."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._ended or any(text in line for line in self.lines), TIMEOUT_S
            )
            return any(text in line for line in self.lines)

    def wait(self):
        """Its exit code; its log is whole then."""
        code = self.process.wait(timeout=TIMEOUT_S)
        self._reader.join(TIMEOUT_S)
        self.process.stdout.close()
        self.process.stderr.close()
        return code

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def cli(self, *words, stdin=None, **env):
        return run(TASKFORGE, "--server", self.grpc, *words, stdin=stdin, **env)

    def health(self, service=""):
        return run(TASKFORGED, "health", "--address", self.grpc, "--service", service).returncode

    def submit(self, *words):
        """Submits a task and returns its id."""
        result = self.cli("submit", *words)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def state_of(self, task):
        return json.loads(self.cli("-o", "json", "task", "get", task).stdout)["state"]


class Test(unittest.TestCase):
    maxDiff = None

    def expect_exit(self, code, result):
        said = f"\n{result.args}\n{result.stdout}{result.stderr}"
        self.assertEqual(result.returncode, code, said)

    def expect_error(self, result, code, reason="", *texts):
        """An error has a code, a reason if the server gave one, and one next command."""
        lines = result.stderr.rstrip("\n").split("\n")
        errors = [line for line in lines if line.startswith("error: ")]
        self.assertEqual(len(errors), 1, result.stderr)
        beginning = f"error: {code} ({reason}): " if reason else f"error: {code}: "
        self.assertTrue(errors[0].startswith(beginning), result.stderr)
        for text in texts:
            self.assertIn(text, result.stderr)
        self.assertRegex(lines[-1], r"^try: taskforged? ", result.stderr)
        self.assertEqual(result.stderr.count("try: "), 1, result.stderr)

    def temporary_directory(self):
        directory = tempfile.TemporaryDirectory(prefix="taskforge-test.")
        self.addCleanup(directory.cleanup)
        return pathlib.Path(directory.name)


def next_command(result):
    """The words of the command that an error says to try."""
    return re.search(r"^try: (.*)$", result.stderr, re.MULTILINE).group(1).split()


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
