"""Every option of the server stands in the example configuration and in the table of defaults.

configuration_test.py SOURCE_ROOT TASKFORGED
"""

import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(sys.argv[1])
TASKFORGED = sys.argv[2]


def taskforged(*arguments):
    """Runs it without any TASKFORGE_ variable; returns what it prints."""
    return subprocess.run(
        [TASKFORGED, *arguments], env={}, check=True, capture_output=True, text=True
    ).stdout


class Configuration(unittest.TestCase):
    maxDiff = None

    def test_the_example_is_what_the_server_prints(self):
        example = (ROOT / "deploy" / "taskforge.example.yaml").read_text()
        self.assertEqual(
            example,
            taskforged("print-config"),
            "make it anew: taskforged print-config > deploy/taskforge.example.yaml",
        )

    def test_the_server_accepts_the_example(self):
        example = str(ROOT / "deploy" / "taskforge.example.yaml")
        self.assertIn("valid", taskforged("check-config", "--config", example))

    def test_the_table_of_defaults_is_what_the_server_prints(self):
        page = (ROOT / "service" / "README.md").read_text()
        self.assertIn(
            taskforged("print-config", "--markdown"),
            page,
            "make it anew: taskforged print-config --markdown, into service/README.md",
        )

    def test_an_unknown_key_is_an_error_with_its_place(self):
        file = pathlib.Path.cwd() / "unknown-key.yaml"
        file.write_text("pool:\n  min_thread: 3\n")
        self.addCleanup(file.unlink)
        result = subprocess.run(
            [TASKFORGED, "check-config", "--config", str(file)],
            env={},
            capture_output=True,
            text=True,
        )
        self.assertEqual(result.returncode, 2)
        self.assertIn("unknown-key.yaml:2:3", result.stderr)
        self.assertIn("did you mean `pool.min_threads`?", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
