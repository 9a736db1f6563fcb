"""What `taskforge` prints: JSON, tables, colour, completion, protos."""

import json
import os
import pathlib
import shutil
import signal

from harness import TASKFORGE, Server, Test, finish, main, on_terminal, run, start

BOLD = "\x1b[1m"


class Output(Test):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server())
        for number in range(3):
            cls.server.submit("echo", f"text {number}", "--id", f"task-{number}")
            cls.server.cli("task", "wait", f"task-{number}")

    def cli(self, *words, **keywords):
        return self.server.cli(*words, **keywords)

    def start(self, *words):
        return start(TASKFORGE, "--server", self.server.grpc, "-o", "jsonl", *words)

    def on_terminal(self, *words, **env):
        return on_terminal(TASKFORGE, "--server", self.server.grpc, *words, **env)

    def test_json_is_one_document(self):
        for words, field in (
            (["task", "ls"], "tasks"),
            (["task", "get", "task-1"], "name"),
            (["handler", "ls"], "handlers"),
            (["handler", "get", "echo"], "name"),
            (["pool", "get"], "priorities"),
            (["server", "info"], "version"),
            (["top", "--once"], "priorities"),
            (["run", "echo", "hello"], "output"),
            (["submit", "echo", "hello"], "name"),
            (["pub", "a.b", "x"], "ids"),
        ):
            with self.subTest(words=words):
                self.assertIn(field, json.loads(self.cli("-o", "json", *words).stdout))

    def test_jsonl_is_a_line_for_each(self):
        lines = self.cli("task", "ls", "-o", "jsonl", "--handler", "echo").stdout.splitlines()
        names = [json.loads(line)["name"] for line in lines]
        self.assertIn("queues/default/tasks/task-2", names)
        self.assertGreaterEqual(len(names), 3)
        self.assertEqual(len(self.cli("-o", "jsonl", "server", "info").stdout.splitlines()), 1)
        watched = self.cli("-o", "jsonl", "task", "watch", "task-0").stdout.splitlines()
        self.assertEqual(json.loads(watched[-1])["state"], "TASK_STATE_SUCCEEDED")

    def test_a_file_of_tasks_gives_a_line_for_each(self):
        lines = "".join(f'{{"handler":"echo","input":{{"text_data":"{n}"}}}}\n' for n in range(5))
        result = self.cli("submit", "--results", "-f", "-", stdin=lines)
        self.expect_exit(0, result)
        tasks = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(sorted(task["output"]["text_data"] for task in tasks), list("01234"))

    def test_the_pool_shows_what_was_set(self):
        self.assertNotIn("reserved", self.cli("pool", "get").stdout)
        result = self.cli("pool", "set", "--reserve-critical", "9", "--reserve-normal", "30")
        self.expect_exit(0, result)
        self.assertIn("9 places for critical, 0 for high, 30 for normal", result.stdout)
        usable = sorted(os.sched_getaffinity(0))
        for cpus, shown in ((str(usable[0]), usable[:1]), ("none", [])):
            result = self.cli("-o", "json", "pool", "affinity", "0", cpus)
            self.expect_exit(0, result)
            # Everywhere that the process may run is shown as nothing.
            self.assertEqual(json.loads(result.stdout)["thread_list"][0].get("cpus", []),
                             [] if shown == usable else shown)

    def test_tables_have_colour_on_a_terminal_only(self):
        for words in (["task", "ls"], ["handler", "ls"], ["pool", "get"]):
            with self.subTest(words=words):
                piped = self.cli(*words).stdout
                self.assertNotIn("\x1b", piped)
                self.assertIn(BOLD, self.on_terminal(*words))
                self.assertNotIn("\x1b", self.on_terminal(*words, NO_COLOR="1"))
                self.assertIn(BOLD, self.on_terminal(*words, NO_COLOR=""), "empty is not set")
                self.assertNotIn("\x1b", self.on_terminal(*words, TERM="dumb"))
        rows = self.cli("task", "ls").stdout.splitlines()
        self.assertRegex(rows[0], r"^TASK +HANDLER +PRIORITY +STATE ")
        self.assertTrue(any(row.startswith("task-1 ") for row in rows), rows)

    def test_an_output_is_bytes_in_a_pipe_and_a_line_on_a_terminal(self):
        self.assertEqual(self.cli("run", "echo", "hello").stdout, "hello")
        self.assertEqual(self.on_terminal("run", "echo", "hello"), "hello\n")
        file = self.temporary_directory() / "bytes"
        file.write_bytes(b"\x1b]0;owned\x07\xff")
        self.assertNotIn("\x1b", self.on_terminal("run", "echo", f"@{file}"))

    def test_a_watch_shows_it_again_until_ctrl_c(self):
        process = self.start("server", "info", "--watch")
        shown = [json.loads(process.stdout.readline()) for _ in range(2)]
        self.assertEqual(shown[0]["boot_epoch"], shown[1]["boot_epoch"])
        process.send_signal(signal.SIGINT)
        self.assertEqual(finish(process)[0], 130)

    def test_a_watch_ends_with_the_first_error(self):
        self.expect_exit(1, self.cli("task", "get", "none", "--watch"))

    def test_sub_prints_events_as_they_come(self):
        process = self.start("sub", "-n", "1", "o.*.paid")
        while "to 1 subscription" not in self.cli("pub", "o.17.paid", "17 €").stdout:
            pass
        code, out, _ = finish(process)
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(out.splitlines()[0])["event"]["data"]["text_data"], "17 €")

    def test_sub_goes_on_where_it_was(self):
        server = self.enterContext(Server("--bus-replay-filters", "o.>"))

        def sub(count, start):
            """The events' data, and the cursors, as the lines have them."""
            words = ("-o", "jsonl", "sub", "-n", str(count), "--from", start, "o.>")
            result = server.cli(*words)
            self.expect_exit(0, result)
            lines = [json.loads(line) for line in result.stdout.splitlines()]
            events = [line["event"]["data"]["text_data"] for line in lines if "event" in line]
            return events, [line["cursor"] for line in lines if "cursor" in line]

        for text in ("one", "two", "three"):
            self.expect_exit(0, server.cli("pub", "o.kept", text))
        events, cursors = sub(3, "earliest")
        self.assertEqual(events, ["one", "two", "three"])
        self.assertEqual(sub(1, "last:1")[0], ["three"])
        self.expect_exit(0, server.cli("pub", "o.kept", "four"))
        self.assertEqual(sub(1, f"cursor:{cursors[-1]}")[0], ["four"])
        self.expect_exit(2, server.cli("sub", "--from", "oldest", "o.>"))

    def test_a_reader_that_has_gone_is_no_crash(self):
        script = '"$0" --server "$1" handler ls | head -n 1; echo "${PIPESTATUS[0]}"'
        result = run("bash", "-c", script, TASKFORGE, self.server.grpc)
        self.assertIn(result.stdout.splitlines()[-1], ("0", "1"))


class Completion(Test):
    def complete(self, *words):
        """What bash offers for the last of these words."""
        script = (
            'source <("$1" completion bash); COMP_WORDS=("${@:2}"); COMP_CWORD=$(($# - 2));'
            '_taskforge; printf "%s\\n" "${COMPREPLY[@]}"; complete -p taskforge'
        )
        result = run("bash", "-c", script, "bash", TASKFORGE, *words)
        self.expect_exit(0, result)
        self.assertIn("-F _taskforge taskforge", result.stdout)
        return result.stdout.split("\n")[:-2]

    def test_bash_completes_commands_and_options(self):
        self.assertEqual(self.complete("taskforge", "ta"), ["task"])
        self.assertEqual(self.complete("taskforge", "task", "w"), ["watch", "wait"])
        self.assertEqual(self.complete("taskforge", "--server", "h:1", "pool", "res"), ["resizes"])
        self.assertEqual(self.complete("taskforge", "task", "ls", "--wat"), ["--watch"])
        self.assertIn("--server", self.complete("taskforge", "task", "ls", "--s"))
        self.assertIn("--state", self.complete("taskforge", "task", "ls", "--s"))
        self.assertNotIn("main-job", self.complete("taskforge", ""))

    def test_bash_offers_watch_only_where_it_is_taken(self):
        self.assertEqual(self.complete("taskforge", "run", "--wat"), [""])

    def test_there_is_one_for_every_shell(self):
        for shell in ("bash", "zsh", "fish"):
            result = run(TASKFORGE, "completion", shell)
            self.expect_exit(0, result)
            self.assertIn("complete", result.stdout)
        self.expect_exit(2, run(TASKFORGE, "completion", "tcsh"))


class Protos(Test):
    def test_they_are_the_sources_and_compile(self):
        out = self.temporary_directory()
        result = run(TASKFORGE, "protos", "--out", str(out))
        self.expect_exit(0, result)
        source = pathlib.Path(__file__).parents[3] / "protos"
        files = sorted(path.relative_to(source) for path in source.rglob("*.proto"))
        self.assertTrue(files)
        self.assertEqual(files, sorted(path.relative_to(out) for path in out.rglob("*.proto")))
        for file in files:
            self.assertEqual((out / file).read_text(), (source / file).read_text())
        self.assertEqual(sorted(result.stdout.split()), sorted(str(out / file) for file in files))
        protoc = shutil.which("protoc")
        self.assertTrue(protoc)
        compile_all = [protoc, "-I", str(out), f"--descriptor_set_out={os.devnull}"]
        self.expect_exit(0, run(*compile_all, *map(str, files)))

    def test_a_directory_that_cannot_be_written_is_named(self):
        result = run(TASKFORGE, "protos", "--out", "/dev/null/x")
        self.expect_exit(2, result)
        self.expect_error(result, "UNKNOWN", "", "/dev/null/x")


if __name__ == "__main__":
    main()
