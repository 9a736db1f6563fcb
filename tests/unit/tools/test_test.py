#!/usr/bin/env python3
"""tools/test, with stand-ins for the compiler and for ctest."""

import sys
import unittest

from harness import Tools


class Test(Tools):
    def setUp(self):
        super().setUp()
        self.stub("cmake", "echo compiled")
        self.stub("ctest", """while [[ "$1" != --output-junit ]]; do shift; done
echo ran >>"${NOTES}/ctest"
printf '<testsuite name="x"\\n\\ttests="3"\\n\\tfailures="0"\\n\\tskipped="1"\\n>\\n' >"$2" """)

    def test_what_passed_is_counted(self):
        done = self.run_tool("tools/test", "unit")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.splitlines()[-1], "2 passed, 0 failed, 1 skipped")

    def test_a_warning_fails_the_build_and_nothing_is_run(self):
        self.stub("cmake", r"""printf 'a.cc:1:2: warning: \200 unused variable\n'""")
        done = self.run_tool("tools/test", "unit", "integration")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the compiler warned", done.stdout)
        self.assertIn("unused variable", (self.tree / "build/warnings-release.log").read_text(errors="replace"))
        self.assertIn("FAILED: build unit", done.stdout)
        self.assertIn("FAILED: build integration", done.stdout)
        self.assertEqual(self.note("ctest"), "")

    def test_what_ninja_says_of_an_interrupted_build_is_no_warning(self):
        self.stub("cmake", 'echo "ninja: warning: premature end of file; recovering"')
        self.assertEqual(self.run_tool("tools/test", "unit").returncode, 0)

    def test_a_tree_that_cannot_be_configured_says_why(self):
        self.stub("cmake", '[[ "$1" == --build ]] || { echo "no such compiler"; exit 1; }')
        done = self.run_tool("tools/test", "unit")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no such compiler", done.stderr)
        self.assertEqual(self.note("ctest"), "")

    def test_the_museum_is_visited_when_asked_for(self):
        self.stub("tests/museum/museum.py", 'echo "museum bugs=2 caught=2"; exit "${MISSED:-0}"')
        done = self.run_tool("tools/test", "--museum")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("museum bugs=2 caught=2\n", done.stdout)
        self.assertEqual((self.note("sets"), self.note("ctest")), ("build test\n", ""))
        self.environment["MISSED"] = "1"
        done = self.run_tool("tools/test", "--museum")
        self.assertEqual(done.returncode, 1)
        self.assertIn("FAILED: museum", done.stdout)

    def test_only_what_the_labels_need_is_installed(self):
        for labels, sets in ((["unit"], "build test"), (["asan", "tsan"], "build test"),
                             (["integration", "crash", "deploy"], "build test deploy"), (["clients"], "build test clients"),
                             (["bench"], "build test bench"), (["model"], "build test model"),
                             ([], "build test model clients deploy bench")):
            with self.subTest(labels):
                (self.notes / "sets").unlink(missing_ok=True)
                done = self.run_tool("tools/test", *labels)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertEqual(self.note("sets"), sets + "\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
