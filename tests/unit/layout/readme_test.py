#!/usr/bin/env python3
"""The README's examples are what the clients' tests run.

Usage: readme_test.py ROOT. In a client, what stands between [readme] and [/readme] is shown: each
code block of the README in a client's language is the text of one file's regions, without their
indentation, with an empty line between them.
"""
import pathlib
import re
import sys
import textwrap
import unittest

ROOT = pathlib.Path(sys.argv[1])
CLIENTS = ROOT / "tests" / "clients"
# The language of the block, and the file that it is taken from; in the README's order.
SHOWN = [
    ("python", "python/client.py"),
    ("go", "go/cmd/client/main.go"),
    ("js", "node/client.js"),
    ("python", "python/example_worker.py"),
]
# What the README says of their size.
LINES_MAX = {
    "python/client.py": 150,
    "go/cmd/client/main.go": 150,
    "node/client.js": 150,
    "python/taskforge_worker.py": 100,
}
REGION = re.compile(
    r"^[ \t]*(?:#|//) \[readme\]\n(.*?)^[ \t]*(?:#|//) \[/readme\]$", re.DOTALL | re.MULTILINE
)
BLOCK = re.compile(r"^```(python|go|js)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def regions_of(source):
    regions = [textwrap.dedent(region).strip("\n") for region in REGION.findall(source)]
    return "\n\n".join(regions) + "\n"


def blocks_of(readme):
    return BLOCK.findall(readme)


class Readme(unittest.TestCase):
    maxDiff = None

    def test_examples_are_what_the_clients_run(self):
        shown = [(language, regions_of((CLIENTS / file).read_text())) for language, file in SHOWN]
        self.assertEqual(blocks_of((ROOT / "README.md").read_text()), shown)

    def test_the_clients_are_as_short_as_it_says(self):
        for file, most in LINES_MAX.items():
            self.assertLessEqual(len((CLIENTS / file).read_text().splitlines()), most, file)

    def test_a_region_is_what_stands_between_the_marks(self):
        source = (
            "a\n# [readme]\nimport b\n\n# [/readme]\n"
            "def f():\n    # [readme]\n    c()\n    if d:\n        e()\n    # [/readme]\n"
        )
        self.assertEqual(regions_of(source), "import b\n\nc()\nif d:\n    e()\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
