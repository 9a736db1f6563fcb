#!/usr/bin/env python3
"""tools/torture, with stand-ins for the compiler and for the program."""

import os
import subprocess
import sys
import unittest

from harness import TIMEOUT_S, Tools

PROGRAM = "build/release/tests/crash/torture"


class Torture(Tools):
    def setUp(self):
        super().setUp()
        self.stub("cmake", 'echo "$*" >>"${NOTES}/cmake"')
        self.stub(PROGRAM, 'printf "%s\\n" "$@" >"${NOTES}/arguments"; echo "I1 cycles=1"')

    def arguments(self):
        return self.note("arguments").split("\n")[:-1]

    def test_the_server_is_built_and_tortured_for_ten_minutes(self):
        done = self.run_tool("tools/torture")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("I1 cycles=1", done.stdout.splitlines())
        self.assertIn("--target taskforged torture", self.note("cmake"))
        self.assertEqual(self.arguments(), ["build/release/bin/taskforged", "--minutes", "10"])

    def test_what_it_is_told_is_passed_on(self):
        done = self.run_tool("tools/torture", "--seed", "4711", "--minutes", "0.5")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.arguments()[1:], ["--minutes", "0.5", "--seed", "4711"])

    def test_points_are_another_program(self):
        self.stub("build/release/tests/crash/crash_points", 'printf "%s\\n" "$@" >"${NOTES}/arguments"')
        done = self.run_tool("tools/torture", "--points", "--seed", "4711")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("--target crash_points fault_disk", self.note("cmake"))
        self.assertEqual(self.arguments(), ["build/release/bin/taskforged", "build/release/tests/crash/libfault_disk.so",
                                            "--seed", "4711"])

    def test_a_directory_is_meant_from_where_the_caller_is(self):
        command = [str(self.tree / "tools/torture"), "--directory", "some data"]
        done = subprocess.run(command, cwd=self.temporary, env=self.environment, capture_output=True, text=True,
                              timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.arguments()[-2:], ["--directory", os.path.realpath(self.temporary / "some data")])

    def test_its_failure_is_the_commands(self):
        for code in (1, 3):
            with self.subTest(code):
                self.stub(PROGRAM, f"exit {code}")
                self.assertEqual(self.run_tool("tools/torture").returncode, code)

    def test_a_server_that_does_not_build_is_not_tortured(self):
        self.stub("cmake", '[[ "$1" != --build ]] || exit 1')
        self.assertNotEqual(self.run_tool("tools/torture").returncode, 0)
        self.assertEqual(self.note("arguments"), "")

    def test_what_it_does_not_understand_is_refused(self):
        for arguments in (["10"], ["--minutes"], ["--minutes", "ten"], ["--minutes", "0"], ["--minutes", "0.0"],
                          ["--minutes", "-1"], ["--seed", "x"], ["--seed"], ["--directory"], ["--directory", ""]):
            with self.subTest(arguments):
                done = self.run_tool("tools/torture", *arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertEqual(self.note("cmake") + self.note("sets"), "")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
