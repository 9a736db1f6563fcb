"""Every error prints its code, its reason, the field, and one next command, which works."""

import socket

from harness import TASKFORGE, Server, Test, main, next_command, run


class Errors(Test):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server("--limits-max-payload-bytes", "1KiB"))

    def test_what_the_server_refuses(self):
        self.server.cli("submit", "echo", "--id", "taken")
        large = "x" * 2000
        for words, code, reason, *texts in (
            (["run", "Bad Name"], "INVALID_ARGUMENT", "INVALID_FIELD", "task.handler"),
            (["run", "echo", large], "INVALID_ARGUMENT", "INVALID_FIELD", "task.input", "1024"),
            (["run", "echos"], "FAILED_PRECONDITION", "HANDLER_UNKNOWN", "echo"),
            (["task", "get", "none"], "NOT_FOUND", "TASK_NOT_FOUND", "none"),
            (["task", "get", "a/b/c"], "INVALID_ARGUMENT", "INVALID_FIELD", "name"),
            (["handler", "get", "none"], "NOT_FOUND", "HANDLER_UNKNOWN", "none"),
            (["submit", "echo", "--id", "taken"], "ALREADY_EXISTS", "TASK_EXISTS", "taken"),
            (["submit", "echo", "--queue", "defualt"], "NOT_FOUND", "QUEUE_UNKNOWN", "default"),
            (["queue", "get", "none"], "NOT_FOUND", "QUEUE_UNKNOWN", "none"),
            (["queue", "create", "default"], "ALREADY_EXISTS", "QUEUE_EXISTS", "default"),
            (["queue", "create", "Bad"], "INVALID_ARGUMENT", "INVALID_FIELD", "queue.name"),
            (["queue", "rm", "default"], "FAILED_PRECONDITION", "QUEUE_IS_DEFAULT", "default"),
            (["sub", "a..b"], "INVALID_ARGUMENT", "INVALID_FIELD", "filters"),
            (["pub", "a.*", "x"], "INVALID_ARGUMENT", "INVALID_FIELD", "topic"),
            (["pool", "set", "--min", "0"], "INVALID_ARGUMENT", "INVALID_FIELD", "min_threads"),
            (["pool", "affinity", "2000", "none"], "INVALID_ARGUMENT", "INVALID_FIELD", "seat"),
            (["pool", "affinity", "0", "1023"], "INVALID_ARGUMENT", "INVALID_FIELD", "cpus"),
        ):
            with self.subTest(words=words):
                result = self.server.cli(*words)
                self.expect_error(result, code, reason, *texts)
                self.expect_next_works(result)

    def test_all_fields_that_are_wrong_at_once(self):
        result = self.server.cli("run", "Bad Name", "--label", "Bad Key=1")
        fields = ["  task.handler: ", "  task.labels"]
        self.expect_error(result, "INVALID_ARGUMENT", "INVALID_FIELD", *fields)

    def test_what_the_command_line_refuses(self):
        for words, *texts in (
            (["fly"], "fly", "try: taskforge --help"),
            (["task", "fly"], "fly", "try: taskforge task --help"),
            (["run"], "HANDLER", "try: taskforge run --help"),
            (["run", "echo", "--priority", "urgent"], "--priority", "high, critical"),
            (["run", "echo", "--watch"], "--watch", "try: taskforge run --help"),
            (["run", "echo", "--timeout", "soon"], "--timeout", "80ms"),
            (["pool", "set"], "nothing to set", "try: taskforge pool set --help"),
            (["queue", "update", "default"], "nothing to change", "taskforge queue update --help"),
            (["queue", "create", "mail", "--max-bytes", "1KB"], "--max-bytes", "64KiB, 256MiB"),
            (["pool", "affinity", "0", "all"], "CPUS", "0-3,6, or none"),
            (["pool", "affinity", "-1", "none"], "try: taskforge pool affinity --help"),
            (["submit"], "HANDLER", "try: taskforge submit --help"),
            (["--tls-ca", "/dev/null", "run", "echo"], "--tls-ca", "PEM", "taskforge run --help"),
            (["--tls-cert", "/dev/null", "server", "info"], "--tls-cert", "--tls-"),
            (["--token-file", "/dev/null", "server", "info"], "--token-file", "no token"),
        ):
            with self.subTest(words=words):
                result = self.server.cli(*words)
                self.expect_exit(2, result)
                self.expect_error(result, "INVALID_ARGUMENT", "", *texts)
                self.expect_next_works(result)
        missing = self.server.cli("submit", "-f", "/no/such/file")
        self.expect_error(missing, "NOT_FOUND", "", "--file: cannot read /no/such/file")

    def test_a_server_that_is_not_there(self):
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{nobody.getsockname()[1]}"
            result = run(TASKFORGE, "--server", address, "run", "echo")
        self.expect_error(result, "UNAVAILABLE", "", address, "try: taskforged serve")

    def test_a_failed_task(self):
        result = self.server.cli("run", "fail", '{"reason":"FLAKY","message":"no luck"}')
        self.expect_error(result, "UNKNOWN", "FLAKY", "no luck", "task get")
        self.expect_next_works(result)

    def test_a_file_in_which_some_lines_are_wrong(self):
        lines = '{"handler":"echo"}\n{"handler":"Bad Name"}\n{"handler":\n'
        result = self.server.cli("submit", "-f", "-", stdin=lines)
        self.expect_exit(1, result)
        self.assertIn("line 2: INVALID_ARGUMENT (INVALID_FIELD): ", result.stderr)
        self.assertIn("line 3: INVALID_ARGUMENT: ", result.stderr)
        self.assertIn("1 accepted, 2 refused", result.stderr)
        self.expect_next_works(result)

    def test_a_wait_that_was_too_short(self):
        task = self.server.submit("sleep", "1h")
        result = self.server.cli("task", "wait", task, "--for", "10ms")
        self.expect_error(result, "DEADLINE_EXCEEDED", "", task, "task watch " + task)
        self.server.cli("task", "cancel", task)

    def expect_next_works(self, result):
        words = next_command(result)
        if words[0] == "taskforge" and words[-1] != "top":
            self.expect_exit(0, run(TASKFORGE, *words[1:]))


if __name__ == "__main__":
    main()
