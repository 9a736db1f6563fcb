#!/usr/bin/env python3
"""tools/cmake/WriteVersion.cmake: the version that the binaries say they are."""

import os
import subprocess
import sys
import unittest

from harness import CMAKE, ROOT, TIMEOUT_S, Tools


class WriteVersion(Tools):
    def git(self, *arguments):
        return subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=self.tree,
                              capture_output=True, text=True, check=True, timeout=TIMEOUT_S).stdout.strip()

    def write(self, *options):
        output = self.temporary / "version.cc"
        subprocess.run([CMAKE, f"-DROOT={self.tree}", f"-DTEMPLATE={ROOT / 'service/version.cc.in'}",
                        f"-DOUTPUT={output}", "-DVERSION=1.2.3", "-DCOMPILER=Some 4.5", *options,
                        "-P", str(ROOT / "tools/cmake/WriteVersion.cmake")], check=True, timeout=TIMEOUT_S)
        return output

    def test_it_follows_the_commit_and_leaves_what_is_right(self):
        self.git("init", "-q")
        for message in ("one", "two"):
            self.git("commit", "-q", "--allow-empty", "-m", message)
            text = self.write().read_text(encoding="utf-8")
            self.assertIn(self.git("rev-parse", "--short=12", "HEAD"), text)
            self.assertIn('"1.2.3"', text)
            self.assertIn('"Some 4.5"', text)
        os.utime(self.write(), ns=(1, 1))
        self.assertEqual(self.write().stat().st_mtime_ns, 1)

    def test_the_revision_may_be_given(self):
        self.assertIn('"abc"', self.write("-DREVISION=abc").read_text(encoding="utf-8"))

    def test_without_git_it_is_unknown(self):
        self.assertIn('"unknown"', self.write("-DREVISION=").read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
