"""What the tests of tools/ share: a tree with the real commands, and stand-ins for what they call.

Each test file is run as: FILE ROOT CMAKE
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT, CMAKE = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
TIMEOUT_S = 60


class Tools(unittest.TestCase):
    """A tree with the real commands, at a path with a space, and stubs before what is on the PATH."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        top = pathlib.Path(directory.name)
        self.tree, self.stubs, self.notes, self.temporary = (top / name for name in ("a tree", "stubs", "notes", "tmp"))
        shutil.copytree(ROOT / "tools", self.tree / "tools", ignore=shutil.ignore_patterns("cli"))
        for folder in (self.stubs, self.notes, self.temporary):
            folder.mkdir()
        self.environment = {**os.environ, "PATH": f"{self.stubs}:{os.environ['PATH']}",
                            "NOTES": str(self.notes), "TMPDIR": str(self.temporary)}
        self.stub("tools/install", 'echo "$*" >>"${NOTES}/sets"')

    def stub(self, name, text):
        """A program for the PATH, or one in the place of a file of the tree."""
        path = self.tree / name if "/" in name else self.stubs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if text.startswith("#!") else "#!/bin/bash\n" + text + "\n", encoding="utf-8")
        path.chmod(0o755)

    def only_on_the_path(self, *programs):
        """Nothing but these and the stubs: this machine may have what a test leaves out."""
        self.environment["PATH"] = str(self.stubs)
        for program in programs:
            (self.stubs / program).symlink_to(shutil.which(program))

    def note(self, name):
        """What a stub wrote into its notes."""
        path = self.notes / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def run_tool(self, *command, **options):
        return subprocess.run([str(self.tree / command[0]), *command[1:]], env=self.environment, capture_output=True,
                              text=True, errors="replace", timeout=TIMEOUT_S, stdin=subprocess.DEVNULL, check=False,
                              **options)
