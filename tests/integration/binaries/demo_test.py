"""`taskforge demo crash`: finds nothing lost where nothing is, and says so where something is."""

import json
import pathlib
import re

from harness import TASKFORGE, TASKFORGED, Test, main, run

# A server that forgets its data directory whenever it starts.
FORGETFUL = """#!/bin/sh
previous=
for word in "$@"; do
  if [ "$previous" = --data-dir ]; then rm -rf "$word"; fi
  previous=$word
done
exec '{server}' "$@"
"""


class Demo(Test):
    def setUp(self):
        self.temporary = self.temporary_directory()

    def demo(self, *words, **env):
        return run(TASKFORGE, "demo", "crash", *words, TMPDIR=str(self.temporary), **env)

    def test_loses_nothing_and_leaves_nothing(self):
        # What configures another server is not for this one.
        result = self.demo("--tasks", "600", TASKFORGE_DATA_DIR="none")
        self.expect_exit(0, result)
        lines = result.stdout.splitlines()
        self.assertEqual(lines[-1], "accepted 600, finished 600, lost 0")
        killed = re.search(r"^killed +by SIGKILL, when (\d+) of them", result.stdout, re.MULTILINE)
        self.assertGreaterEqual(int(killed.group(1)), 300)
        self.assertLess(int(killed.group(1)), 600)
        self.assertRegex(result.stdout, r"(?m)^restarted  it serves again after \d")
        self.assertEqual(list(self.temporary.iterdir()), [])

    def test_tells_a_loss_and_keeps_what_is_left(self):
        server = self.temporary / "forgetful"
        server.write_text(FORGETFUL.format(server=TASKFORGED))
        server.chmod(0o755)
        result = self.demo("--tasks", "600", "--taskforged", str(server))
        self.expect_exit(1, result)
        accepted, finished, lost = map(int, re.search(
            r"accepted (\d+), finished (\d+), lost (\d+)\n\Z", result.stdout).groups())
        self.assertEqual(accepted, 600)
        self.assertGreaterEqual(lost, 300)
        self.assertEqual(finished + lost, accepted)
        kept = re.search(r"^kept: (\S+)", result.stderr, re.MULTILINE).group(1)
        self.assertTrue(pathlib.Path(kept, "server.log").exists())

    def test_counts_as_json(self):
        report = json.loads(self.demo("--tasks", "100", "-o", "json").stdout)
        self.assertEqual((report["accepted"], report["finished"], report["lost"]), (100, 100, 0))

    def test_says_what_it_did_not_find_or_start(self):
        result = self.demo("--taskforged", "/no/such/taskforged")
        self.expect_exit(1, result)
        self.assertRegex(result.stderr, r"^error: NOT_FOUND: /no/such/taskforged")
        self.assertEqual(list(self.temporary.iterdir()), [])
        result = self.demo("--taskforged", "/bin/false")
        self.expect_exit(1, result)
        self.assertIn("the server ended as it started, exit code 1", result.stderr)
        self.expect_exit(2, self.demo("--tasks", "1"))


if __name__ == "__main__":
    main()
