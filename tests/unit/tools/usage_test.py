#!/usr/bin/env python3
"""Every command of tools/ says what it does."""

import shutil
import subprocess
import sys
import unittest

from harness import ROOT, TIMEOUT_S, Tools


class Usage(Tools):
    def test_every_command_has_one_wherever_it_is_called_from(self):
        for name in ("run", "test", "install", "tidy", "bench", "profile", "stress", "torture", "image-test"):
            with self.subTest(name):
                shutil.copy(ROOT / "tools" / name, self.tree / "tools")
                done = subprocess.run([f"./{name}", "--help"], cwd=self.tree / "tools", env=self.environment,
                                      capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertTrue(done.stdout.startswith(f"tools/{name}"), done.stdout)
                wrong = self.run_tool(f"tools/{name}", "--nonsense")
                self.assertEqual((wrong.returncode, wrong.stdout), (2, ""))
                self.assertEqual(wrong.stderr, done.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
