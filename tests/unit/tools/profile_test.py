#!/usr/bin/env python3
"""tools/profile, with a stand-in for perf."""

import os
import shutil
import subprocess
import sys
import unittest
from xml.etree import ElementTree

from harness import ROOT, TIMEOUT_S, Tools

SAMPLES = """\
taskforged 11/11 PERF_RECORD_COMM exec: taskforged:11/11
client 12/12 PERF_RECORD_COMM exec: client:12/12
taskforged 11/13 PERF_RECORD_FORK(11:13):(11:11)
pool 11/13 cpu-clock:
\t    55d0 taskforge::Route<a>(int)
\t    7f11 [unknown]
\t    7f10 [unknown]
\t    55c0 taskforge::Worker::Loop()

client 12/12 cpu-clock:
\t    66d0 wait_for_it

pool 11/13 cpu-clock:
\t    55c1 taskforge::Worker::Loop()

"""


class Profile(Tools):
    def setUp(self):
        super().setUp()
        paranoid = self.notes / "paranoid"
        paranoid.write_text("2", encoding="utf-8")
        text = (ROOT / "tools/profile").read_text(encoding="utf-8")
        self.assertIn("/proc/sys/kernel/perf_event_paranoid", text)
        self.stub("tools/profile", text.replace("/proc/sys/kernel/perf_event_paranoid", f"'{paranoid}'"))
        self.stub("tools/bench", 'echo "${BENCH_UNDER} | $*" >"${NOTES}/bench"')
        (self.notes / "samples").write_text(SAMPLES, encoding="utf-8")
        self.stub("perf", '[[ "$1" == script ]] && cat "${NOTES}/samples"')

    def graph(self, suite):
        done = self.run_tool("tools/profile", suite, "--quick")
        self.assertEqual(done.returncode, 0, done.stderr)
        path = self.tree / f"build/profiles/{suite}.svg"
        self.assertEqual(done.stdout.splitlines()[-1], f"flame graph  {path}")
        return [title.text for title in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}title")]

    def test_the_bench_runs_under_perf_and_every_process_is_drawn(self):
        titles = self.graph("pool")
        self.assertRegex(self.note("bench"), r"^perf record .*-e cpu-clock .* -- \| pool --quick$")
        self.assertIn("all: 3 samples, 100.0 %", titles)
        self.assertIn("wait_for_it: 1 samples, 33.3 %", titles)

    def test_of_a_server_under_a_bench_it_draws_the_server(self):
        self.assertEqual(self.graph("rpc"), [
            "all: 2 samples, 100.0 %", "pool: 2 samples, 100.0 %", "taskforge::Worker::Loop(): 2 samples, 100.0 %",
            "[unknown]: 1 samples, 50.0 %", "taskforge::Route<a>(int): 1 samples, 50.0 %"])

    def test_a_bench_that_fails_is_a_failure(self):
        self.stub("tools/bench", "exit 3")
        done = self.run_tool("tools/profile", "pool")
        self.assertEqual((done.returncode, "flame graph" in done.stdout), (3, False))

    def test_no_samples_is_a_failure(self):
        (self.notes / "samples").write_text("", encoding="utf-8")
        done = self.run_tool("tools/profile", "pool")
        self.assertEqual((done.returncode, "flame graph" in done.stdout), (1, False))
        self.assertIn("no samples", done.stderr)

    def test_without_permission_it_says_what_to_do(self):
        (self.notes / "paranoid").write_text("3", encoding="utf-8")
        self.tree.parent.chmod(0o755)
        nobody = [shutil.which("setpriv"), "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        done = subprocess.run([*nobody, str(self.tree / "tools/profile"), "pool"], env=self.environment,
                              capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("set kernel.perf_event_paranoid (3) to 2", done.stderr)
        self.assertEqual(self.note("bench"), "")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
