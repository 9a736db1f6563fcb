#!/usr/bin/env python3
"""tools/performance_page: the figures of runs, in the README."""

import subprocess
import sys
import unittest

from harness import ROOT, TIMEOUT_S, Tools


class PerformancePage(Tools):
    def test_it_has_the_figures_of_the_runs(self):
        readme, output = self.notes / "README.md", self.notes / "pool.txt"
        readme.write_text("before\n<!-- figures: x -->\nold\n<!-- end of figures -->\nafter\n")
        output.write_text("noise\nratio pool_vs_x 1.50  (least 1.2)\nfigure y 3 ms  (a|b)\n")
        page = [str(ROOT / "tools/performance_page"), str(readme)]
        self.assertEqual(subprocess.run([*page, f"pool={output}"], timeout=TIMEOUT_S).returncode, 0)
        self.assertEqual(
            readme.read_text(),
            "before\n<!-- figures: x -->\n\n| name | value | | command |\n|---|---|---|---|\n"
            "| `pool_vs_x` | 1.50 | (least 1.2) | `tools/bench pool` |\n"
            "| `y` | 3 | ms (a\\|b) | `tools/bench pool` |\n\n<!-- end of figures -->\nafter\n")
        output.write_text("nothing\n")
        for arguments in ([f"pool={output}"], ["pool"], []):
            failed = subprocess.run([*page, *arguments], timeout=TIMEOUT_S, capture_output=True)
            self.assertEqual(failed.returncode, 1)
            self.assertTrue(failed.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
