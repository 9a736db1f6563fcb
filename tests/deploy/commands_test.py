#!/usr/bin/env python3
"""Every command that the pages name is one that the programs know, with the options that it names.

Usage: commands_test.py ROOT TASKFORGED TASKFORGE. Reads inline code and code blocks of the READMEs
and of deploy/, and asks the programs' own help; no server is needed.
"""
import functools
import pathlib
import re
import shlex
import subprocess
import sys
import unittest

ROOT = pathlib.Path(sys.argv[1]).resolve()
PROGRAMS = {"taskforged": sys.argv[2], "taskforge": sys.argv[3]}
PAGES = [ROOT / "README.md", ROOT / "service/README.md", *sorted((ROOT / "deploy").rglob("*.md"))]
PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_:.]*$")


class Help:
    """What `--help` of a command says that it takes."""

    def __init__(self, program, path):
        done = subprocess.run([PROGRAMS[program], *path, "--help"], env={}, capture_output=True,
                              text=True, timeout=30)
        if done.returncode != 0:
            raise AssertionError(f"{program} {' '.join(path)} --help: {done.stdout}{done.stderr}")
        self.options = {}  # name -> the choices that its value has; [] any value; None: no value
        self.commands = re.findall(r"^  (\w\S*) ", self._section(done.stdout, "Subcommands"), re.M)
        self.takes_arguments = bool(self._section(done.stdout, "Positionals"))
        for names, rest in re.findall(r"^  (-\S+)(.*)$", self._section(done.stdout, "Options"), re.M):
            # A type follows after one blank; where there is none, the description or nothing.
            kind = re.match(r" ([A-Z]+)(?::\{(.*?)\})?", rest)
            value = None
            if kind and kind.group(1) not in ("REQUIRED", "BOOL"):
                value = kind.group(2).split(",") if kind.group(2) else []
            for name in names.split(","):
                self.options[name] = value

    @staticmethod
    def _section(text, title):
        match = re.search(rf"^{title}:\n(.*?)(?:\n\n|\Z)", text, re.M | re.S)
        return match.group(1) if match else ""


@functools.cache
def help_of(program, *path):
    return Help(program, path)


def problem_of(program, words):
    """Why these words are no command line, or None. Values may be missing or placeholders."""
    path, options, words = [], dict(help_of(program).options), list(words)
    while words:
        word = words.pop(0)
        node = help_of(program, *path)
        if word.startswith("-") and word != "-":
            name, _, value = word.partition("=")
            if name not in options:
                return f"{' '.join([program, *path])} has no option {name}"
            choices = options[name]
            if choices is not None and not value and words:
                value = words.pop(0)
            if choices and value and value not in choices and not PLACEHOLDER.match(value):
                return f"{name} is one of {', '.join(choices)}, not {value}"
        elif node.commands:
            if word not in node.commands:
                return f"{' '.join([program, *path])} has no command {word}"
            path.append(word)
            options |= help_of(program, *path).options
        elif not node.takes_arguments:
            return f"{' '.join([program, *path])} takes no argument, so not {word}"
    return None


def commands_of(text):
    """(program, words) of each command in a page."""
    fence = re.compile(r"^```.*?^```", re.M | re.S)
    lines = [line for block in fence.findall(text) for line in block.splitlines()[1:-1]]
    prose = fence.sub("", text)
    lines += re.findall(r"^    (.*)$", prose, re.M)
    lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]
    for line in lines:
        try:
            words = shlex.split(line.removeprefix("$ "), comments=True)
        except ValueError:  # Of another language.
            continue
        if not words:
            continue
        program = words[0].rsplit("/", 1)[-1]
        if program in PROGRAMS:
            end = words.index("|") if "|" in words else len(words)
            yield program, words[1:end]


class Commands(unittest.TestCase):
    def test_every_command_that_a_page_names_is_there(self):
        for page in PAGES:
            for program, words in commands_of(page.read_text(encoding="utf-8")):
                with self.subTest(f"{page.relative_to(ROOT)}: {program} {' '.join(words)}"):
                    self.assertIsNone(problem_of(program, words))

    def test_the_pages_are_read(self):
        runbook = (ROOT / "deploy/prometheus/RUNBOOK.md").read_text(encoding="utf-8")
        self.assertGreaterEqual(len(list(commands_of(runbook))), 10)
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        self.assertGreaterEqual(len(list(commands_of(readme))), 5)

    def test_a_command_that_is_not_there_is_noticed(self):
        page = "As `taskforge fly\nls` and\n```\n$ build/bin/taskforge task ls --filter x | head\n```\n"
        found = list(commands_of(page))
        self.assertEqual(found, [("taskforge", ["task", "ls", "--filter", "x"]), ("taskforge", ["fly", "ls"])])
        for command in ("taskforge task ls --filter x", "taskforge fly ls", "taskforge pool update --max",
                        "taskforge task ls --state lost", "taskforge pool get this",
                        "taskforged health --server HOST:7480"):
            with self.subTest(command):
                program, *words = command.split()
                self.assertIsNotNone(problem_of(program, words))

    def test_a_command_that_is_there_is_not(self):
        for command in ("taskforge", "taskforge --server H:1 task ls --state failed -o json --dead",
                        "taskforge run echo hello --priority high", "taskforge pool set --max",
                        "taskforge task ls --state STATE --server H:1",
                        "taskforged serve --insecure-listen --grpc-listen H:0"):
            with self.subTest(command):
                program, *words = command.split()
                self.assertIsNone(problem_of(program, words))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
