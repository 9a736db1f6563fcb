#!/usr/bin/env python3
"""tools/tidy, with stand-ins for the formatter and the linter."""

import shutil
import subprocess
import sys
import unittest

from harness import TIMEOUT_S, Tools


class Tidy(Tools):
    def setUp(self):
        super().setUp()
        self.only_on_the_path("bash", "git", "basename", "dirname", "readlink", "sed", "head", "grep")
        self.stub("clang-format", 'echo "$@" >"${NOTES}/formatted"')
        self.stub("shellcheck", 'echo "$@" >"${NOTES}/checked"')
        self.stub("pool/a.h", "#!no script")
        for command in (["init", "-q"], ["add", "."]):
            subprocess.run(["git", *command], cwd=self.tree, check=True, timeout=TIMEOUT_S)

    def check(self):
        return self.run_tool("tools/tidy", "--check")

    def test_it_looks_at_every_source_and_script(self):
        done = self.check()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("pool/a.h", self.note("formatted"))
        for script in ("tools/run", "tools/common.sh"):
            self.assertIn(script, self.note("checked"))

    def test_what_a_program_finds_is_a_failure(self):
        for program in ("clang-format", "shellcheck"):
            with self.subTest(program):
                self.stub(program, "exit 1")
                self.assertEqual(self.check().returncode, 1)
                self.stub(program, "exit 0")

    def test_a_check_that_cannot_be_made_has_not_passed(self):
        for program in ("clang-format", "shellcheck", "git"):
            with self.subTest(program):
                (self.stubs / program).rename(self.stubs / "away")
                done = self.check()
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"{program} is missing", done.stderr)
                (self.stubs / "away").rename(self.stubs / program)

    def test_a_tree_that_git_cannot_list_has_not_passed(self):
        shutil.rmtree(self.tree / ".git")
        self.environment["GIT_CEILING_DIRECTORIES"] = str(self.tree.parent)
        self.assertEqual(self.check().returncode, 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
