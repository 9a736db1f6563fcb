"""SIGHUP reloads what can be and says what needs a restart.

reload_test.py TASKFORGED
"""

import json
import pathlib
import signal
import subprocess
import sys
import unittest
import urllib.request

TASKFORGED = sys.argv[1]


class Reload(unittest.TestCase):
    def setUp(self):
        self.config = pathlib.Path.cwd() / "reload_test.yaml"
        self.addCleanup(self.config.unlink)
        self.ready = pathlib.Path.cwd() / "reload_test.ready"
        self.write("pool: {min_threads: 2}\n")
        self.server = subprocess.Popen(
            [TASKFORGED, "serve", "--config", str(self.config)], stderr=subprocess.PIPE, text=True
        )
        self.addCleanup(self.stop)
        self.line_with("serving")

    def write(self, text):
        self.config.write_text(
            "grpc: {listen: 127.0.0.1:0}\nadmin: {listen: 127.0.0.1:0}\nlog: {format: json}\n"
            f"ready_file: {self.ready}\n{text}"
        )

    def stop(self):
        self.server.terminate()
        self.server.communicate(timeout=30)
        self.ready.unlink()
        self.assertEqual(self.server.returncode, 0)

    def reload(self, text):
        self.write(text)
        self.server.send_signal(signal.SIGHUP)

    def line_with(self, text):
        """The next line of the log that has `text`; the lines before it are thrown away."""
        for line in self.server.stderr:
            if text in line:
                return json.loads(line)
        self.fail(f"the server ended without a line with {text!r}")

    def metric(self, name):
        admin = json.loads(self.ready.read_text())["admin"]
        with urllib.request.urlopen(f"http://{admin}/metrics", timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[1])
        self.fail(f"no metric {name}")

    def test_what_can_change_changes_and_the_rest_is_named(self):
        self.reload("pool: {min_threads: 3, tick: 20ms}\n")
        changed = self.line_with("an option has changed")
        self.assertEqual(changed["option"], "pool.min_threads")
        self.assertEqual((changed["from"], changed["to"]), ("2", "3"))
        self.assertEqual(self.line_with("needs a restart")["option"], "pool.tick")
        self.line_with("was reloaded")
        self.assertEqual(self.metric("taskforge_pool_threads_min"), 3)
        self.assertEqual(self.metric("taskforge_config_last_reload_successful"), 1)

    def test_an_invalid_file_changes_nothing_and_is_told(self):
        self.reload("pool: {min_threads: 3, max_thread: 9}\n")
        refused = self.line_with("was not reloaded")
        self.assertIn("did you mean `pool.max_threads`?", refused["why"])
        self.assertEqual(self.metric("taskforge_pool_threads_min"), 2)
        self.assertEqual(self.metric("taskforge_config_last_reload_successful"), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
