#!/usr/bin/env python3
"""The museum itself, on a tree of one file: what it tells of a bug that is caught, and of all others.

Usage: museum_test.py ROOT
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv[1]).resolve()
TIMEOUT_S = 100
CMAKE = """cmake_minimum_required(VERSION 3.25)
project(small LANGUAGES CXX)
find_package(GTest REQUIRED)
add_executable(small_test tests/small_test.cc)
target_link_libraries(small_test GTest::gtest_main)
set_target_properties(small_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
"""
PRESETS = """{"version": 6,
 "configurePresets": [{"name": "release", "generator": "Ninja", "binaryDir": "${sourceDir}/build/release",
                       "cacheVariables": {"TASKFORGE_BUILD_TESTS": "OFF"}}],
 "buildPresets": [{"name": "release", "configurePreset": "release"}]}
"""
SOURCE = """#include "gtest/gtest.h"
// Adds.
int Sum(int a, int b) { return a + b; }
TEST(Sum, IsRight) { EXPECT_EQ(Sum(2, 3), 5); }
TEST(Sum, OfNothing) { EXPECT_EQ(Sum(0, 0), 0); }
"""
ADDS = "int Sum(int a, int b) { return a + b; }"
HEADER = "Bug: it is one.\nLike: others.\nBreaks: sums.\nTarget: small_test\nFilter: Sum.*\n"


def patch(old, new, header=HEADER):
    before, after = SOURCE.splitlines(), SOURCE.replace(old, new).splitlines()
    lines = [f"-{a}\n+{b}\n" if a != b else f" {a}\n" for a, b in zip(before, after)]
    return f"{header}\n--- a/tests/small_test.cc\n+++ b/tests/small_test.cc\n@@ -1,5 +1,5 @@\n{''.join(lines)}"


class Museum(unittest.TestCase):
    """One tree for all tests: it is configured once."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.directory.cleanup)
        cls.tree = pathlib.Path(cls.directory.name) / "a tree"
        (cls.tree / "tests").mkdir(parents=True)
        (cls.tree / "tools").mkdir()
        shutil.copy(ROOT / "tools/common.sh", cls.tree / "tools")
        for name, text in (("CMakeLists.txt", CMAKE), ("CMakePresets.json", PRESETS)):
            (cls.tree / name).write_text(text, encoding="utf-8")

    def setUp(self):
        patches = tempfile.TemporaryDirectory()
        self.addCleanup(patches.cleanup)
        self.patches = pathlib.Path(patches.name)
        self.write_source(SOURCE)

    def write_source(self, text):
        (self.tree / "tests/small_test.cc").write_text(text, encoding="utf-8")

    def visit(self, **bugs):
        for name, text in bugs.items():
            (self.patches / f"{name}.patch").write_text(text, encoding="utf-8")
        return subprocess.run([sys.executable, "-B", str(ROOT / "tests/museum/museum.py"), "--tree", str(self.tree),
                               "--patches", str(self.patches), "--patience", "2"], capture_output=True, text=True, timeout=TIMEOUT_S,
                              check=False)

    def test_a_bug_is_caught_by_a_test_and_a_comment_is_not(self):
        done = self.visit(bug=patch(ADDS, ADDS.replace("+", "-")), comment=patch("// Adds.", "// Subtracts."))
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], r"^museum bug caught by Sum\.IsRight in [0-9.]+ s$", done.stderr)
        self.assertRegex(lines[1], r"^museum comment MISSED by small_test Sum\.\* in [0-9.]+ s$")
        self.assertRegex(lines[2], r"^museum bugs=2 caught=1 missed=1 seconds=[0-9]+$")
        self.assertEqual(done.returncode, 1)
        # And then the copy is what it was.
        self.assertEqual((self.tree / "build/museum/tree/tests/small_test.cc").read_text(encoding="utf-8"), SOURCE)

    def test_how_a_bug_is_caught_or_is_not(self):
        hangs = "int Sum(int a, int b) { for (volatile int i = a; i == 2;) {} return a + b; }"
        done = self.visit(
            broken=patch(ADDS, "int Sum(int a, int b) { return a + c; }"),
            dies=patch(ADDS, "int Sum(int a, int b) { return a + b == 5 ? *(volatile int*)nullptr : 0; }"),
            hangs=patch(ADDS, hangs, HEADER + "Hangs: yes\n"),
            # Every test that is named must catch it.
            half=patch(ADDS, ADDS.replace("a + b", "a + b + (a > 1)"), HEADER + "Also: small_test Sum.OfNothing\n"))
        self.assertIn("museum broken MISSED: it does not compile", done.stdout, done.stderr)
        self.assertIn("museum dies caught by Sum.IsRight (died)", done.stdout)
        self.assertIn("museum hangs caught by Sum.IsRight (no end)", done.stdout)
        self.assertIn("museum half MISSED by small_test Sum.OfNothing", done.stdout)
        self.assertEqual(done.returncode, 1)

    def test_a_patch_that_does_not_apply_is_told(self):
        bug = patch(ADDS, ADDS.replace("+", "-"))
        self.write_source(SOURCE.replace("a + b", "b + a"))
        done = self.visit(bug=bug)
        self.assertIn("bug: the patch does not apply any more", done.stderr)
        self.assertEqual(done.returncode, 2)

    def test_what_is_not_green_without_a_bug_is_told(self):
        bug = patch("// Adds.", "// Subtracts.")
        self.write_source(SOURCE + "TEST(Sum, IsWrong) { EXPECT_EQ(Sum(2, 3), 6); }\n")
        done = self.visit(bug=bug)
        self.assertIn("is not green without a bug", done.stderr)
        self.assertEqual(done.returncode, 2)

    def test_a_filter_without_a_test_is_told(self):
        done = self.visit(bug=patch(ADDS, ADDS.replace("+", "-"), HEADER.replace("Sum.*", "Product.*")))
        self.assertIn("small_test has no test Product.*", done.stderr)
        self.assertEqual(done.returncode, 2)

    def test_a_header_that_lacks_something_is_told(self):
        done = self.visit(bug=patch(ADDS, ADDS.replace("+", "-"), HEADER.replace("Like: others.\n", "")))
        self.assertIn("the header lacks Like", done.stderr)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
