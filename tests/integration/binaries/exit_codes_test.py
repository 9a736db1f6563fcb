"""What the exit code of `taskforge` says to scripts."""

import signal
import socket

from harness import TASKFORGE, Server, Terminal, Test, finish, main, run, start, until


class ExitCodes(Test):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server())

    def cli(self, *words, **keywords):
        return self.server.cli(*words, **keywords)

    def begin(self, *words, **keywords):
        process = start(TASKFORGE, "--server", self.server.grpc, *words, **keywords)
        self.addCleanup(process.kill)
        return process

    def expect_interrupted(self, process):
        process.send_signal(signal.SIGINT)
        code, _, _ = finish(process)
        self.assertEqual(code, 130)

    def test_0_when_it_did_what_was_asked(self):
        result = self.cli("run", "echo", "hello")
        self.expect_exit(0, result)
        self.assertEqual(result.stdout, "hello")
        self.expect_exit(0, self.cli("server", "info"))
        self.expect_exit(0, run(TASKFORGE, "--help"))
        self.expect_exit(0, run(TASKFORGE, "version"))

    def test_1_when_a_task_failed_or_is_not_there(self):
        self.expect_exit(1, self.cli("run", "fail"))
        self.expect_exit(1, self.cli("task", "wait", self.server.submit("fail")))
        self.expect_exit(1, self.cli("task", "watch", self.server.submit("fail")))
        self.expect_exit(1, self.cli("task", "get", "none"))
        self.expect_exit(1, self.cli("submit", "-f", "-", stdin='{"handler":"no-such"}\n'))
        failing = '{"handler":"fail"}\n'
        self.expect_exit(1, self.cli("submit", "--results", "-f", "-", stdin=failing))

    def test_2_when_the_command_line_or_the_request_is_wrong(self):
        for words in (
            [],
            ["fly"],
            ["run"],
            ["run", "echo", "--watch"],
            ["run", "echo", "--priority", "urgent"],
            ["run", "echo", "@/no/such/file"],
            ["run", "Not-A-Handler"],
            ["sub", "a..b"],
            ["pool", "set"],
            ["--token-file", "/no/such/file", "server", "info"],
        ):
            with self.subTest(words=words):
                self.expect_exit(2, self.cli(*words))

    def test_3_when_no_server_is_there(self):
        with socket.socket() as nobody:  # Bound, but nothing listens.
            nobody.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{nobody.getsockname()[1]}"
            for words in (["run", "echo"], ["sub", ">"], ["top"], ["submit", "-f", "/dev/null"]):
                with self.subTest(words=words):
                    self.expect_exit(3, run(TASKFORGE, "--server", address, *words))
        self.expect_exit(3, run(TASKFORGE, "--server", "unix:/no/such.sock", "server", "info"))

    def test_5_when_a_deadline_has_passed(self):
        self.expect_exit(5, self.cli("--deadline", "200ms", "run", "sleep", "1h"))
        task = self.server.submit("sleep", "1h")
        self.expect_exit(5, self.cli("task", "wait", task, "--for", "100ms"))
        self.expect_exit(0, self.cli("task", "cancel", task))

    def test_130_when_ctrl_c_ends_sub(self):
        terminal = Terminal()
        process = self.begin("sub", "a.>", stderr=terminal.slave)
        terminal.close_slave()
        self.assertIn("subscribed", terminal.read_until("subscribed"))
        self.expect_interrupted(process)
        terminal.close()

    def test_130_when_ctrl_c_ends_task_watch(self):
        task = self.server.submit("sleep", "1h")
        process = self.begin("task", "watch", task)
        self.assertTrue(process.stdout.readline())
        self.expect_interrupted(process)
        self.assertEqual(self.server.state_of(task), "TASK_STATE_RUNNING", "it was only watched")
        self.expect_exit(0, self.cli("task", "cancel", task))

    def test_130_when_ctrl_c_ends_run_and_the_task_is_cancelled(self):
        process = self.begin("run", "sleep", "1h", "--id", "interrupted")
        until(lambda: self.cli("task", "get", "interrupted").returncode == 0)
        self.expect_interrupted(process)
        self.cli("task", "wait", "interrupted")
        self.assertEqual(self.server.state_of("interrupted"), "TASK_STATE_CANCELLED")

    def test_130_when_ctrl_c_ends_a_watch(self):
        for words in (
            ["pool", "get", "--watch"],
            ["pool", "watch"],
            ["handler", "get", "echo", "--watch"],
        ):
            with self.subTest(words=words):
                process = self.begin(*words)
                self.assertTrue(process.stdout.readline())
                self.expect_interrupted(process)


if __name__ == "__main__":
    main()
