#!/usr/bin/env python3
"""`cmake --install` puts both programs in place, and what clients and operators need beside them.

Usage: installation_test.py ROOT BUILD_TREE CMAKE
"""
import filecmp
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT, BUILD, CMAKE = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


class Installation(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.prefix = pathlib.Path(directory.name, "a prefix")
        run(CMAKE, "--install", BUILD, "--prefix", str(cls.prefix))

    def test_the_programs_run_where_they_are_installed(self):
        self.assertRegex(run(self.prefix / "bin/taskforged", "version"), r"^taskforged \d+\.\d+\.\d+ ")
        self.assertRegex(run(self.prefix / "bin/taskforge", "--version"), r"^taskforge \d+\.\d+\.\d+")

    def test_every_proto_is_there(self):
        installed = self.prefix / "share/taskforge/protos"
        names = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
        protos = ROOT / "protos"
        self.assertEqual(names, {str(path.relative_to(protos)) for path in protos.rglob("*.proto")})

    def test_what_operators_need_is_there(self):
        share = self.prefix / "share/taskforge"
        for installed, source in (("taskforge.example.yaml", "taskforge.example.yaml"),
                                  ("prometheus/taskforge.rules.yaml", "prometheus/taskforge.rules.yaml"),
                                  ("prometheus/RUNBOOK.md", "prometheus/RUNBOOK.md"),
                                  ("grafana/taskforge.json", "grafana/dashboards/taskforge.json")):
            self.assertTrue(filecmp.cmp(share / installed, ROOT / "deploy" / source, shallow=False), installed)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
