#!/usr/bin/env python3
"""The commands of tools/, with stand-ins for what they call: packages, compilers, the server.

Usage: tools_test.py ROOT CMAKE
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from xml.etree import ElementTree

ROOT, CMAKE = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
TIMEOUT_S = 60

SERVER = """#!/usr/bin/env python3
import os, pathlib, signal, sys
def stop(*_):
    print("stopped: nothing was lost", flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
print("last words", flush=True)
pathlib.Path(os.environ["NOTES"], "server.pid").write_text(str(os.getpid()))
ready = pathlib.Path(sys.argv[sys.argv.index("--ready-file") + 1])
ready.write_text('{"grpc":"127.0.0.1:1","admin":"127.0.0.1:2"}')
while True:
    signal.pause()
"""
KILL_SERVER = 'kill -KILL "$(cat "${NOTES}/server.pid")"'


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


class Usage(Tools):
    def test_every_command_has_one_wherever_it_is_called_from(self):
        for name in ("run", "test", "install", "tidy", "bench", "profile", "image-test"):
            with self.subTest(name):
                shutil.copy(ROOT / "tools" / name, self.tree / "tools")
                done = subprocess.run([f"./{name}", "--help"], cwd=self.tree / "tools", env=self.environment,
                                      capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertTrue(done.stdout.startswith(f"tools/{name}"), done.stdout)
                wrong = self.run_tool(f"tools/{name}", "--nonsense")
                self.assertEqual((wrong.returncode, wrong.stdout), (2, ""))
                self.assertEqual(wrong.stderr, done.stdout)


class Run(Tools):
    def setUp(self):
        super().setUp()
        self.stub("cmake", "exit 0")
        self.stub("build/release/bin/taskforged", SERVER)
        self.stub("build/release/bin/taskforge", "exit 0")

    def kept_logs(self):
        return [path.read_text(encoding="utf-8") for path in self.temporary.glob("*/server.log")]

    def test_it_ends_with_the_code_of_the_job_and_leaves_nothing(self):
        self.stub("build/release/bin/taskforge", "exit 5")
        done = self.run_tool("tools/run", "--exit")
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("stopped: nothing was lost", done.stdout)
        self.assertEqual(list(self.temporary.iterdir()), [])

    def test_a_server_that_dies_during_the_job_is_a_failure_and_its_log_is_kept(self):
        self.stub("build/release/bin/taskforge", KILL_SERVER)
        done = self.run_tool("tools/run", "--exit")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the server ended with exit code 137", done.stderr)
        self.assertIn("last words", done.stderr)
        self.assertEqual(self.kept_logs(), ["last words\n"])

    def test_a_server_that_does_not_start_says_why(self):
        self.stub("build/release/bin/taskforged", "echo no memory; exit 3")
        done = self.run_tool("tools/run", "--exit")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no memory", done.stderr)

    def serving(self):
        """A tools/run that has done its job and serves."""
        tool = subprocess.Popen([str(self.tree / "tools/run")], env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(tool.kill)
        while not (line := tool.stdout.readline()).startswith("serving until Ctrl-C"):
            self.assertTrue(line, "it ended before it served")
        return tool

    def test_a_server_that_dies_while_serving_is_a_failure_and_its_log_is_kept(self):
        tool = self.serving()
        os.kill(int(self.note("server.pid")), signal.SIGKILL)
        _, errors = tool.communicate(timeout=TIMEOUT_S)
        self.assertEqual(tool.returncode, 1)
        self.assertIn("the server ended with exit code 137", errors)
        self.assertEqual(self.kept_logs(), ["last words\n"])

    def test_an_interrupt_ends_it_and_the_server_in_order(self):
        tool = self.serving()
        tool.send_signal(signal.SIGINT)
        output, errors = tool.communicate(timeout=TIMEOUT_S)
        self.assertEqual((tool.returncode, errors), (0, ""))
        self.assertIn("stopped: nothing was lost", output)
        self.assertEqual(list(self.temporary.iterdir()), [])


class Test(Tools):
    def setUp(self):
        super().setUp()
        self.stub("cmake", "echo compiled")
        self.stub("ctest", """while [[ "$1" != --output-junit ]]; do shift; done
echo ran >>"${NOTES}/ctest"
printf '<testsuite name="x"\\n\\ttests="3"\\n\\tfailures="0"\\n\\tskipped="1"\\n>\\n' >"$2" """)

    def test_what_passed_is_counted(self):
        done = self.run_tool("tools/test", "unit")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.splitlines()[-1], "2 passed, 0 failed, 1 skipped")

    def test_a_warning_fails_the_build_and_nothing_is_run(self):
        self.stub("cmake", r"""printf 'a.cc:1:2: warning: \200 unused variable\n'""")
        done = self.run_tool("tools/test", "unit", "integration")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the compiler warned", done.stdout)
        self.assertIn("unused variable", (self.tree / "build/warnings-release.log").read_text(errors="replace"))
        self.assertIn("FAILED: build unit", done.stdout)
        self.assertIn("FAILED: build integration", done.stdout)
        self.assertEqual(self.note("ctest"), "")

    def test_what_ninja_says_of_an_interrupted_build_is_no_warning(self):
        self.stub("cmake", 'echo "ninja: warning: premature end of file; recovering"')
        self.assertEqual(self.run_tool("tools/test", "unit").returncode, 0)

    def test_a_tree_that_cannot_be_configured_says_why(self):
        self.stub("cmake", '[[ "$1" == --build ]] || { echo "no such compiler"; exit 1; }')
        done = self.run_tool("tools/test", "unit")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no such compiler", done.stderr)
        self.assertEqual(self.note("ctest"), "")

    def test_only_what_the_labels_need_is_installed(self):
        for labels, sets in ((["unit"], "build test"), (["asan", "tsan"], "build test"),
                             (["integration", "deploy"], "build test deploy"), (["clients"], "build test clients"),
                             (["bench"], "build test bench"), (["model"], "build test model"),
                             ([], "build test model clients deploy bench")):
            with self.subTest(labels):
                (self.notes / "sets").unlink(missing_ok=True)
                done = self.run_tool("tools/test", *labels)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertEqual(self.note("sets"), sets + "\n")


SAMPLES = """\
taskforged 11/11 PERF_RECORD_COMM exec: taskforged:11/11
client 12/12 PERF_RECORD_COMM exec: client:12/12
taskforged 11/13 PERF_RECORD_FORK(11:13):(11:11)
pool 11/13 cpu-clock:
\t    55d0 taskforge::Route<a>(int)
\t    7f11 [unknown]
\t    7f10 [unknown]
\t    55c0 taskforge::Worker::Loop()

client 12/12 cpu-clock:
\t    66d0 wait_for_it

pool 11/13 cpu-clock:
\t    55c1 taskforge::Worker::Loop()

"""


class Profile(Tools):
    def setUp(self):
        super().setUp()
        paranoid = self.notes / "paranoid"
        paranoid.write_text("2", encoding="utf-8")
        text = (ROOT / "tools/profile").read_text(encoding="utf-8")
        self.assertIn("/proc/sys/kernel/perf_event_paranoid", text)
        self.stub("tools/profile", text.replace("/proc/sys/kernel/perf_event_paranoid", f"'{paranoid}'"))
        self.stub("tools/bench", 'echo "${BENCH_UNDER} | $*" >"${NOTES}/bench"')
        (self.notes / "samples").write_text(SAMPLES, encoding="utf-8")
        self.stub("perf", '[[ "$1" == script ]] && cat "${NOTES}/samples"')

    def graph(self, suite):
        done = self.run_tool("tools/profile", suite, "--quick")
        self.assertEqual(done.returncode, 0, done.stderr)
        path = self.tree / f"build/profiles/{suite}.svg"
        self.assertEqual(done.stdout.splitlines()[-1], f"flame graph  {path}")
        return [title.text for title in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}title")]

    def test_the_bench_runs_under_perf_and_every_process_is_drawn(self):
        titles = self.graph("pool")
        self.assertRegex(self.note("bench"), r"^perf record .*-e cpu-clock .* -- \| pool --quick$")
        self.assertIn("all: 3 samples, 100.0 %", titles)
        self.assertIn("wait_for_it: 1 samples, 33.3 %", titles)

    def test_of_a_server_under_a_bench_it_draws_the_server(self):
        self.assertEqual(self.graph("rpc"), [
            "all: 2 samples, 100.0 %", "pool: 2 samples, 100.0 %", "taskforge::Worker::Loop(): 2 samples, 100.0 %",
            "[unknown]: 1 samples, 50.0 %", "taskforge::Route<a>(int): 1 samples, 50.0 %"])

    def test_a_bench_that_fails_is_a_failure(self):
        self.stub("tools/bench", "exit 3")
        done = self.run_tool("tools/profile", "pool")
        self.assertEqual((done.returncode, "flame graph" in done.stdout), (3, False))

    def test_no_samples_is_a_failure(self):
        (self.notes / "samples").write_text("", encoding="utf-8")
        done = self.run_tool("tools/profile", "pool")
        self.assertEqual((done.returncode, "flame graph" in done.stdout), (1, False))
        self.assertIn("no samples", done.stderr)

    def test_without_permission_it_says_what_to_do(self):
        (self.notes / "paranoid").write_text("3", encoding="utf-8")
        self.tree.parent.chmod(0o755)
        nobody = [shutil.which("setpriv"), "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        done = subprocess.run([*nobody, str(self.tree / "tools/profile"), "pool"], env=self.environment,
                              capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("set kernel.perf_event_paranoid (3) to 2", done.stderr)
        self.assertEqual(self.note("bench"), "")


class Tidy(Tools):
    def setUp(self):
        super().setUp()
        self.only_on_the_path("bash", "git", "basename", "dirname", "readlink", "sed", "head", "grep")
        self.stub("clang-format", 'echo "$@" >"${NOTES}/formatted"')
        self.stub("shellcheck", 'echo "$@" >"${NOTES}/checked"')
        self.stub("pool/a.h", "#!no script")
        for command in (["init", "-q"], ["add", "."]):
            subprocess.run(["git", *command], cwd=self.tree, check=True, timeout=TIMEOUT_S)

    def check(self):
        return self.run_tool("tools/tidy", "--check")

    def test_it_looks_at_every_source_and_script(self):
        done = self.check()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("pool/a.h", self.note("formatted"))
        for script in ("tools/run", "tools/common.sh"):
            self.assertIn(script, self.note("checked"))

    def test_what_a_program_finds_is_a_failure(self):
        for program in ("clang-format", "shellcheck"):
            with self.subTest(program):
                self.stub(program, "exit 1")
                self.assertEqual(self.check().returncode, 1)
                self.stub(program, "exit 0")

    def test_a_check_that_cannot_be_made_has_not_passed(self):
        for program in ("clang-format", "shellcheck", "git"):
            with self.subTest(program):
                (self.stubs / program).rename(self.stubs / "away")
                done = self.check()
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"{program} is missing", done.stderr)
                (self.stubs / "away").rename(self.stubs / program)

    def test_a_tree_that_git_cannot_list_has_not_passed(self):
        shutil.rmtree(self.tree / ".git")
        self.environment["GIT_CEILING_DIRECTORIES"] = str(self.tree.parent)
        self.assertEqual(self.check().returncode, 1)


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

    def test_the_performance_page_has_the_figures_of_the_runs(self):
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
