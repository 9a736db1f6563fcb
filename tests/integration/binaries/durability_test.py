"""What outlives the server: its kill, its stop; and what it says of a directory that it must not use."""

import json
import pathlib
import re
import signal

from harness import TASKFORGED, Server, Test, main, run, until


class Durability(Test):
    def setUp(self):
        self.data = self.temporary_directory() / "data"

    def server(self, *flags):
        return Server("--data-dir", str(self.data), *flags)

    def task(self, server, name):
        return json.loads(server.cli("-o", "json", "task", "get", name).stdout)

    def kill(self, server):
        server.signal(signal.SIGKILL)
        server.wait()

    def test_what_was_accepted_outlives_a_kill(self):
        with self.server() as server:
            server.submit("echo", "later", "--in", "1h", "--id", "scheduled")
            server.submit("sleep", "1h", "--id", "running", "--request-id", "once")
            until(lambda: server.state_of("running") == "TASK_STATE_RUNNING")
            self.assertEqual(server.cli("run", "echo", "done").stdout, "done")
            done = json.loads(server.cli("-o", "json", "task", "ls", "--state", "succeeded").stdout)
            self.kill(server)
        with self.server() as server:
            self.assertTrue(server.wait_for_line("took over the tasks of the data directory"))
            self.assertEqual(server.state_of("scheduled"), "TASK_STATE_SCHEDULED")
            until(lambda: server.state_of("running") == "TASK_STATE_RUNNING")
            attempts = self.task(server, "running")["attempts"]
            self.assertEqual([attempt.get("lost", False) for attempt in attempts], [True, False])
            again = json.loads(server.cli("-o", "json", "task", "ls", "--state", "succeeded").stdout)
            self.assertEqual(again, done)
            self.assertEqual(server.submit("sleep", "1h", "--id", "running", "--request-id", "once"), "running")

    def test_what_was_set_on_queues_outlives_a_kill(self):
        with self.server() as server:
            server.cli("queue", "create", "mail", "--max-tasks", "7", "--default-durability", "buffered")
            server.cli("queue", "pause", "mail", "--reason", "the mail server is down")
            server.cli("queue", "create", "gone")
            server.cli("queue", "rm", "gone")
            server.submit("echo", "hello", "--queue", "mail", "--id", "waits")
            self.kill(server)
        with self.server() as server:
            self.assertTrue(server.wait_for_line("a queue is paused, as it was before"))
            shown = server.cli("queue", "get", "mail").stdout
            self.assertIn("state             paused\n", shown)
            self.assertIn("(the mail server is down)", shown)
            self.assertIn("tasks             1 of 7\n", shown)
            self.assertIn("durability        buffered where a task names none\n", shown)
            self.assertNotIn("gone", server.cli("queue", "ls").stdout)
            name = "queues/mail/tasks/waits"
            self.assertIn("queued (paused)", server.cli("task", "get", name).stdout)
            server.cli("queue", "resume", "mail")
            self.assertEqual(server.cli("task", "wait", name).stdout, "hello")

    def test_a_stop_keeps_what_waits_and_gives_what_ran_back(self):
        with self.server("--shutdown-timeout", "100ms") as server:
            server.submit("echo", "later", "--in", "1h")
            server.submit("sleep", "1h", "--id", "running")
            until(lambda: server.state_of("running") == "TASK_STATE_RUNNING")
            server.signal(signal.SIGTERM)
            server.wait()
            self.assertRegex(server.lines[-1], "waiting_tasks=0 stopped_tasks=1 .*kept_tasks=2")
        with self.server() as server:
            until(lambda: server.state_of("running") == "TASK_STATE_RUNNING")
            attempts = self.task(server, "running")["attempts"]
            self.assertEqual(attempts[0]["error"]["reason"], "SHUTDOWN")

    def test_says_what_holds(self):
        with self.server() as server:
            info = json.loads(server.cli("-o", "json", "server", "info").stdout)
            self.assertEqual(info["durability"], "DURABILITY_DURABLE")
            name = server.submit("echo", "x")
            self.assertEqual(self.task(server, name)["effective_durability"], "DURABILITY_DURABLE")

    def test_a_second_server_on_the_directory_is_refused(self):
        with self.server():
            result = run(TASKFORGED, "serve", "--data-dir", str(self.data), "--grpc-listen", "127.0.0.1:0",
                         "--admin-listen", "127.0.0.1:0")
            self.assertEqual(result.returncode, 1)
            self.assertRegex(result.stderr, r"is in use by another server.*\(data_dir\)")

    def test_a_newer_format_is_refused_before_a_write(self):
        with self.server() as server:
            self.kill(server)
        newer = re.sub(r"(format|least_writer) \d+", r"\1 99", (self.data / "FORMAT").read_text())
        (self.data / "FORMAT").write_text(newer)
        before = {path: path.read_bytes() for path in sorted(self.data.rglob("*")) if path.is_file()}
        result = run(TASKFORGED, "serve", "--data-dir", str(self.data), "--grpc-listen", "127.0.0.1:0",
                     "--admin-listen", "127.0.0.1:0")
        self.assertEqual(result.returncode, 1)
        self.assertIn("has format 99", result.stderr)
        self.assertEqual(before, {path: path.read_bytes() for path in before})

    def test_a_log_that_comes_back_short_is_refused(self):
        with self.server() as server:
            for number in range(20):
                server.submit("echo", "later", "--in", "1h", "--id", f"t{number}")
            server.signal(signal.SIGTERM)  # Marks how far the log has reached the disk.
            server.wait()
        log = max((self.data / "db").glob("*.log"))
        log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
        result = run(TASKFORGED, "serve", "--data-dir", str(self.data), "--grpc-listen", "127.0.0.1:0",
                     "--admin-listen", "127.0.0.1:0")
        self.assertEqual(result.returncode, 1)
        self.assertIn("--store-accept-data-loss", result.stderr)
        with self.server("--store-accept-data-loss") as server:
            self.assertEqual(server.state_of("t0"), "TASK_STATE_SCHEDULED")

    def test_the_default_directory_is_the_users(self):
        home = self.temporary_directory()
        with Server(env={"TASKFORGE_DATA_DIR": "auto", "XDG_STATE_HOME": str(home)}):
            self.assertTrue(pathlib.Path(home, "taskforge", "FORMAT").exists())


if __name__ == "__main__":
    main()
