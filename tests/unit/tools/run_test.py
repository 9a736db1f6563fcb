#!/usr/bin/env python3
"""tools/run, without a build: with a stand-in for the server."""

import os
import signal
import subprocess
import sys
import unittest

from harness import TIMEOUT_S, Tools

SERVER = """#!/usr/bin/env python3
import os, pathlib, signal, sys
def stop(*_):
    print("stopped: nothing was lost", flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
print("last words", flush=True)
pathlib.Path(os.environ["NOTES"], "server.pid").write_text(str(os.getpid()))
ready = pathlib.Path(sys.argv[sys.argv.index("--ready-file") + 1])
ready.write_text('{"grpc":"127.0.0.1:1","admin":"127.0.0.1:2"}')
while True:
    signal.pause()
"""
KILL_SERVER = 'kill -KILL "$(cat "${NOTES}/server.pid")"'


class Run(Tools):
    def setUp(self):
        super().setUp()
        self.stub("cmake", "exit 0")
        self.stub("build/release/bin/taskforged", SERVER)
        self.stub("build/release/bin/taskforge", "exit 0")

    def kept_logs(self):
        return [path.read_text(encoding="utf-8") for path in self.temporary.glob("*/server.log")]

    def test_it_ends_with_the_code_of_the_job_and_leaves_nothing(self):
        self.stub("build/release/bin/taskforge", "exit 5")
        done = self.run_tool("tools/run", "--exit")
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("stopped: nothing was lost", done.stdout)
        self.assertEqual(list(self.temporary.iterdir()), [])

    def test_a_server_that_dies_during_the_job_is_a_failure_and_its_log_is_kept(self):
        self.stub("build/release/bin/taskforge", KILL_SERVER)
        done = self.run_tool("tools/run", "--exit")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the server ended with exit code 137", done.stderr)
        self.assertIn("last words", done.stderr)
        self.assertEqual(self.kept_logs(), ["last words\n"])

    def test_a_server_that_does_not_start_says_why(self):
        self.stub("build/release/bin/taskforged", "echo no memory; exit 3")
        done = self.run_tool("tools/run", "--exit")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no memory", done.stderr)

    def serving(self):
        """A tools/run that has done its job and serves."""
        tool = subprocess.Popen([str(self.tree / "tools/run")], env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(tool.kill)
        while not (line := tool.stdout.readline()).startswith("serving until Ctrl-C"):
            self.assertTrue(line, "it ended before it served")
        return tool

    def test_a_server_that_dies_while_serving_is_a_failure_and_its_log_is_kept(self):
        tool = self.serving()
        os.kill(int(self.note("server.pid")), signal.SIGKILL)
        _, errors = tool.communicate(timeout=TIMEOUT_S)
        self.assertEqual(tool.returncode, 1)
        self.assertIn("the server ended with exit code 137", errors)
        self.assertEqual(self.kept_logs(), ["last words\n"])

    def test_an_interrupt_ends_it_and_the_server_in_order(self):
        tool = self.serving()
        tool.send_signal(signal.SIGINT)
        output, errors = tool.communicate(timeout=TIMEOUT_S)
        self.assertEqual((tool.returncode, errors), (0, ""))
        self.assertIn("stopped: nothing was lost", output)
        self.assertEqual(list(self.temporary.iterdir()), [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
