#!/usr/bin/env python3
"""tools/stress, with stand-ins for the compiler and for the tests."""

import sys
import unittest

from harness import Tools

PROGRAMS = ("pool_stress_test", "bus_stress_test", "sync_stress_test")


class Stress(Tools):
    def setUp(self):
        super().setUp()
        self.stub("cmake", ":")
        for tree in ("asan", "tsan"):
            for program in PROGRAMS:
                self.program(tree, program, f'echo {program} >>"${{NOTES}}/{tree}"')

    def program(self, tree, name, text):
        self.stub(f"build/{tree}/tests/stress/{name}", text)

    def test_each_program_runs_under_each_sanitizer_at_least_once(self):
        done = self.run_tool("tools/stress", "0")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for tree in ("asan", "tsan"):
            self.assertEqual(self.note(tree).split(), list(PROGRAMS))
            self.assertIn(f"{tree}: 1 rounds of 3 programs, 0 failed", done.stdout)

    def test_they_are_repeated_until_the_time_is_over(self):
        done = self.run_tool("tools/stress", "0.02")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertGreater(len(self.note("tsan").split()), 2 * len(PROGRAMS))

    def test_a_failure_under_either_is_shown_and_is_a_failure(self):
        for tree in ("asan", "tsan"):
            with self.subTest(tree):
                self.program(tree, "bus_stress_test", "echo seed 4711; exit 1")
                done = self.run_tool("tools/stress", "0")
                self.assertEqual(done.returncode, 1)
                self.assertIn("seed 4711", done.stdout)
                self.assertIn(f"FAILED: bus_stress_test under {tree}, round 1", done.stdout)
                self.program(tree, "bus_stress_test", ":")

    def test_a_tree_that_does_not_build_runs_nothing(self):
        self.stub("cmake", '[[ "$1" != --build ]] || exit 1')
        self.assertNotEqual(self.run_tool("tools/stress", "0").returncode, 0)
        self.assertEqual(self.note("asan") + self.note("tsan"), "")

    def test_what_is_no_number_of_minutes_is_refused(self):
        for argument in ("ten", "-1", ".", "1.5.2", "1m"):
            with self.subTest(argument):
                done = self.run_tool("tools/stress", argument)
                self.assertEqual((done.returncode, done.stdout), (2, ""))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
