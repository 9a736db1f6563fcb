#!/usr/bin/env python3
"""tools/install, with stand-ins for the package manager."""

import os
import shutil
import subprocess
import sys
import unittest

from harness import ROOT, TIMEOUT_S, Tools


class Install(Tools):
    """As root or not: the stand-in for sudo runs what it is given."""

    def setUp(self):
        super().setUp()
        self.policy = self.stubs / "policy-rc.d"
        text = (ROOT / "tools/install").read_text(encoding="utf-8")
        self.assertIn("POLICY=/usr/sbin/policy-rc.d\n", text)
        self.stub("tools/install", text.replace("POLICY=/usr/sbin/policy-rc.d\n", f"POLICY='{self.policy}'\n"))
        self.stub("sudo", 'exec "$@"')
        self.stub("dpkg-query", "exit 0")

    def install(self, apt_get):
        """Runs it with a stand-in for apt-get's installing."""
        self.stub("apt-get", f"""[[ " $* " == *" install "* ]] || exit 0
cp "{self.policy}" "${{NOTES}}/policy seen"
{apt_get}""")
        return self.run_tool("tools/install", "deploy")

    def test_packages_start_no_server_and_the_policy_goes_again(self):
        for apt_get, code in (("exit 0", 0), ("echo broken; exit 100", 1), ("kill -TERM $PPID", 143),
                              ("kill -INT $PPID", 130)):
            with self.subTest(apt_get):
                done = self.install(apt_get)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn("exit 101", self.note("policy seen"))
                self.assertFalse(self.policy.exists())
                self.assertEqual(list(self.temporary.iterdir()), [])

    def test_an_administrators_policy_stays(self):
        self.policy.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
        self.assertEqual(self.install("exit 0").returncode, 0)
        self.assertEqual(self.policy.read_text(encoding="utf-8"), "#!/bin/sh\nexit 0\n")

    def test_one_that_was_left_behind_goes(self):
        self.install("cp -p '%s' \"${NOTES}/left\"" % self.policy)
        (self.notes / "left").rename(self.policy)
        self.assertEqual(self.install("exit 0").returncode, 0)
        self.assertFalse(self.policy.exists())

    def test_without_root_or_sudo_it_says_what_to_do(self):
        (self.stubs / "sudo").unlink()
        self.stub("apt-get", "exit 9")
        self.only_on_the_path("bash", "basename", "cat", "comm", "dirname", "mktemp", "readlink", "rm", "sed", "sort")
        for folder in (self.tree.parent, self.stubs):
            folder.chmod(0o755)
        nobody = [shutil.which("setpriv"), "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        done = subprocess.run([*nobody, str(self.tree / "tools/install"), "deploy"], env=self.environment,
                              capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "as root: apt-get install .*prometheus")

    def test_nothing_is_asked_for_when_nothing_is_missing(self):
        self.stub("dpkg-query", 'shift 2; printf "ii  %s\\n" "$@"')
        self.assertEqual(self.install("exit 9").returncode, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
