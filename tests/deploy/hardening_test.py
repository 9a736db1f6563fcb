#!/usr/bin/env python3
"""Reads the ELF files that ship: hardened as the build says, and linked only with what the image has.

Usage: hardening_test.py ROOT PROGRAM...
"""
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(sys.argv[1])
PROGRAMS = sys.argv[2:]
# What debian:bookworm-slim has, or what comes with any C++ package.
BASE_PACKAGES = {"libc6", "libgcc-s1", "libstdc++6"}


def read(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60).stdout


def packages_of_the_image():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    runtime = text[text.rindex("\nFROM "):]
    words = re.search(r"--no-install-recommends(.*?)&&", runtime, re.S).group(1)
    return set(words.replace("\\", " ").split())


class Hardening(unittest.TestCase):
    def for_each(self, check):
        for program in PROGRAMS:
            with self.subTest(pathlib.Path(program).name):
                check(program)

    def test_position_independent(self):
        self.for_each(lambda p: self.assertRegex(read("readelf", "-hW", p), r"Type:\s+DYN"))

    def test_relocations_are_read_only_before_main(self):
        def check(program):
            self.assertIn("GNU_RELRO", read("readelf", "-lW", program))
            self.assertRegex(read("readelf", "-dW", program), r"BIND_NOW|FLAGS_1.*\bNOW\b")
        self.for_each(check)

    def test_no_stack_is_executable(self):
        self.for_each(lambda p: self.assertRegex(read("readelf", "-lW", p), r"GNU_STACK.* RW  "))

    def test_stack_protector_and_fortified_calls(self):
        def check(program):
            symbols = read("readelf", "--dyn-syms", "-W", program)
            self.assertIn("__stack_chk_fail", symbols)
            self.assertRegex(symbols, r"__(mem|str|v?s?n?printf|read|fread|longjmp)\w*_chk")
        self.for_each(check)

    def test_it_looks_for_libraries_in_the_system_only(self):
        self.for_each(lambda p: self.assertNotRegex(read("readelf", "-dW", p), r"RPATH|RUNPATH"))

    def test_the_image_has_every_library(self):
        image = packages_of_the_image() | BASE_PACKAGES
        def check(program):
            for library in re.findall(r"NEEDED.*\[(.+)\]", read("readelf", "-dW", program)):
                found = re.findall(r"^(\S+?)(?::\w+)?: \S*/" + re.escape(library) + "$",
                                   read("dpkg", "-S", library), re.M)
                self.assertTrue(set(found) & image, f"{library} is in {found}: add it to the Dockerfile")
        self.for_each(check)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
