#!/usr/bin/env python3
"""Puts bugs into a copy of the tree, one at a time, and shows that the tests catch each.

Usage: museum.py [--tree DIR] [--patches DIR] [--patience S] [NAME...]

Every published loss in systems of this kind was a line like one of these, and a suite that never
failed is untested. Each file PATCHES/NAME.patch (tests/museum by default) is a unified diff below a
header of lines `Key: text`, which may go on in lines that are indented:

  Bug:    what the line does now, and what comes of it
  Like:   the kind of published loss that it is an example of
  Breaks: the invariant of service/README.md or of the issue's table that it breaks
  Target: the test program that is built
  Filter: which of its tests, as --gtest_filter has it
  Also:   another target and filter, which must catch it too
  Hangs:  yes, if the tests may also not come to an end; then that is caught too

The copy is build/museum/tree, with a build tree of its own: what one run compiled the next one
finds. First every patch must apply, and the tests that are named must be green without it. Prints a
line for each bug,

  museum NAME caught by TEST in S s

with the time from the patch to the failed test (it is compiled in that), or `museum NAME MISSED`,
and a last line with the counts. A bug that does not compile, or whose tests crash before one has
begun, is not caught. Exit code 0: all caught; 1: one was missed; 2: a patch does not apply or has no
proper header, or something is not green without it.
"""
import argparse
import filecmp
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

PARTS = ("CMakeLists.txt", "CMakePresets.json", "protos", "service", "tests", "tools")
IGNORED = shutil.ignore_patterns("__pycache__", "node_modules", ".venv", "build")
KEYS = ("Bug", "Like", "Breaks", "Target", "Filter")
TEST_TIMEOUT_S = 60
BUILD_TIMEOUT_S = 3600
HEADER_LINE = re.compile(r"^(Bug|Like|Breaks|Target|Filter|Also|Hangs):[ \t]*(.*)$")
RAN = re.compile(r"^\[==========\] Running (\d+) tests? ", re.MULTILINE)
BEGAN = re.compile(r"^\[ RUN      \] (\S+)$", re.MULTILINE)
FAILED = re.compile(r"^\[  FAILED  \] ([^\s,]+)", re.MULTILINE)


class Wrong(Exception):
    """What makes the museum itself unfit to tell anything."""


class Exhibit:
    """A bug: a patch and its header."""

    def __init__(self, path):
        self.path = path
        self.name = path.stem
        fields, key = {}, None
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("--- "):
                break
            match = HEADER_LINE.match(line)
            if match:
                key = match.group(1)
                fields[key] = match.group(2).strip()
            elif key and line[:1] in (" ", "\t"):
                fields[key] += " " + line.strip()
        missing = [key for key in KEYS if not fields.get(key)]
        if missing:
            raise Wrong(f"{path}: the header lacks {', '.join(missing)}")
        self.tests = [(fields["Target"], fields["Filter"])]
        if "Also" in fields:
            self.tests.append(tuple(fields["Also"].split(maxsplit=1)))
        self.may_hang = fields.get("Hangs") == "yes"


class Tree:
    """A copy of the tree, in which bugs come and go."""

    def __init__(self, origin, copy):
        self.origin, self.copy = origin, copy
        self.configured = False

    def sync(self):
        """Makes the copy what the origin is. What is the same keeps its time: it is not compiled
        again."""
        self.copy.mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            source = self.origin / part
            if source.exists():
                self._sync(source, self.copy / part)

    def _sync(self, source, target):
        if not source.is_dir():
            if not target.exists() or not filecmp.cmp(source, target, shallow=False):
                shutil.copy(source, target)  # As of now: it may have been compiled with a bug.
            return
        target.mkdir(exist_ok=True)
        names = set(os.listdir(source))
        names -= IGNORED(source, names)
        for gone in set(os.listdir(target)) - names:
            path = target / gone
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        for name in sorted(names):
            self._sync(source / name, target / name)

    def patch(self, exhibit, *options):
        return subprocess.run(["patch", "-p1", "--fuzz=0", "--batch", "--silent", "--no-backup-if-mismatch",
                               "--reject-file=-", *options, "-i", str(exhibit.path)], cwd=self.copy,
                              capture_output=True, text=True, check=False)

    def check(self, exhibit):
        done = self.patch(exhibit, "--forward", "--dry-run")
        if done.returncode != 0:
            raise Wrong(f"{exhibit.name}: the patch does not apply any more\n{done.stdout}{done.stderr}")

    def build(self, *targets):
        """Whether it compiles, and what the compiler said."""
        script = ". tools/common.sh; "
        if not self.configured:
            done = self._shell(script + "configure release -DTASKFORGE_BUILD_TESTS=ON")
            if done.returncode != 0:
                raise Wrong(f"could not configure {self.copy}\n{done.stdout}{done.stderr}")
            self.configured = True
        done = self._shell(script + 'cmake --build --preset release -j "$(build_jobs)" --target ' + " ".join(targets))
        return done.returncode == 0, done.stdout + done.stderr

    def _shell(self, command):
        return subprocess.run(["bash", "-c", command], cwd=self.copy, capture_output=True, text=True,
                              errors="replace", timeout=BUILD_TIMEOUT_S, check=False)

    def run(self, target, wanted, timeout=TEST_TIMEOUT_S):
        """Exit code (None: it did not come to an end) and output of the named tests."""
        found = [path for path in (self.copy / "build/release/tests").rglob(target)
                 if path.is_file() and os.access(path, os.X_OK)]
        if len(found) != 1:
            raise Wrong(f"{target}: {len(found)} programs of this name below build/release/tests")
        environment = {**os.environ, "TASKFORGE_DATA_DIR": "none"}
        with subprocess.Popen([found[0], f"--gtest_filter={wanted}"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", env=environment,
                              start_new_session=True, cwd=found[0].parent) as process:
            try:
                output, _ = process.communicate(timeout=timeout)
                return process.returncode, output
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                output, _ = process.communicate()
                return None, output


def tests_that_ran(output):
    match = RAN.search(output)
    return int(match.group(1)) if match else 0


def who_caught(exhibit, code, output):
    """The test that failed; None if none did."""
    if code == 0 or tests_that_ran(output) == 0:
        return None
    began = BEGAN.findall(output)
    if code is None:
        return f"{began[-1]} (no end)" if began and exhibit.may_hang else None
    failed = FAILED.findall(output)
    if failed:
        return failed[0]
    # It died in a test.
    return f"{began[-1]} (died)" if began else None


def check_unpatched(tree, exhibits):
    tests = sorted({test for exhibit in exhibits for test in exhibit.tests})
    built, said = tree.build(*sorted({target for target, _ in tests}))
    if not built:
        raise Wrong(f"the tree does not compile without a bug\n{said[-4000:]}")
    for target, wanted in tests:
        code, output = tree.run(target, wanted)
        if tests_that_ran(output) == 0:
            raise Wrong(f"{target} has no test {wanted}")
        if code != 0:
            raise Wrong(f"{target} {wanted} is not green without a bug\n{output[-4000:]}")


def show(tree, exhibit, patience):
    """Whether the bug was caught. Leaves the tree as it was."""
    begin = time.monotonic()
    done = tree.patch(exhibit, "--forward")
    if done.returncode != 0:
        raise Wrong(f"{exhibit.name}: the patch does not apply any more\n{done.stdout}{done.stderr}")
    try:
        built, said = tree.build(*(target for target, _ in exhibit.tests))
        if not built:
            print(f"museum {exhibit.name} MISSED: it does not compile\n{said[-2000:]}", flush=True)
            return False
        timeout = patience if exhibit.may_hang else TEST_TIMEOUT_S
        caught = [(test, who_caught(exhibit, *tree.run(*test, timeout))) for test in exhibit.tests]
    finally:
        tree.patch(exhibit, "--reverse")
    seconds = time.monotonic() - begin
    blind = [" ".join(test) for test, who in caught if who is None]
    if blind:
        print(f"museum {exhibit.name} MISSED by {' and '.join(blind)} in {seconds:.1f} s", flush=True)
        return False
    print(f"museum {exhibit.name} caught by {' and '.join(who for _, who in caught)} in {seconds:.1f} s", flush=True)
    return True


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=pathlib.Path, default=here.parent.parent, help="the tree to copy")
    parser.add_argument("--patches", type=pathlib.Path, default=here, help="where the bugs are")
    parser.add_argument("--patience", type=float, default=15, help="seconds for tests that may hang")
    parser.add_argument("names", nargs="*", help="only these")
    arguments = parser.parse_args()
    begin = time.monotonic()
    root = arguments.tree.resolve()
    try:
        exhibits = [Exhibit(path) for path in sorted(arguments.patches.resolve().glob("*.patch"))]
        unknown = set(arguments.names) - {exhibit.name for exhibit in exhibits}
        if unknown:
            raise Wrong(f"no such bug: {', '.join(sorted(unknown))}")
        if arguments.names:
            exhibits = [exhibit for exhibit in exhibits if exhibit.name in arguments.names]
        if not exhibits:
            raise Wrong(f"no bug in {arguments.patches}")
        tree = Tree(root, root / "build/museum/tree")
        tree.sync()
        for exhibit in exhibits:
            tree.check(exhibit)
        check_unpatched(tree, exhibits)
        caught = [show(tree, exhibit, arguments.patience) for exhibit in exhibits].count(True)
    except Wrong as wrong:
        print(f"museum: {wrong}", file=sys.stderr)
        return 2
    print(f"museum bugs={len(exhibits)} caught={caught} missed={len(exhibits) - caught} "
          f"seconds={time.monotonic() - begin:.0f}")
    return 0 if caught == len(exhibits) else 1


if __name__ == "__main__":
    sys.exit(main())
