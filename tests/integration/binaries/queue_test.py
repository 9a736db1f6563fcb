"""`taskforge queue`: from a queue's making to its removal."""

import json

from harness import Server, Test, main


class Queue(Test):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server())

    def cli(self, *words):
        result = self.server.cli(*words)
        self.expect_exit(0, result)
        return result.stdout

    def row(self, name):
        rows = self.cli("queue", "ls").splitlines()
        return next(row for row in rows if row.split()[0] == name)

    def test_a_queue_from_its_making_to_its_removal(self):
        made = self.cli("queue", "create", "mail", "--max-tasks", "7", "--max-bytes", "64KiB")
        self.assertIn("tasks             0 of 7\n", made)
        self.assertIn("bytes             0 B of 64.0 KiB\n", made)
        changed = self.cli("queue", "update", "mail", "--default-priority", "high")
        self.assertIn("default priority  high\n", changed)
        self.assertIn("of 7\n", changed)

        paused = self.cli("queue", "pause", "mail", "--reason", "the mail server is down")
        self.assertIn("state             paused\n", paused)
        self.assertIn("(the mail server is down)", paused)
        self.assertIn("paused (the mail server is down)", self.row("mail"))
        self.cli("submit", "echo", "hello", "--queue", "mail", "--id", "waits")
        name = "queues/mail/tasks/waits"
        self.assertIn("queued (paused)", self.cli("task", "get", name))
        not_empty = self.server.cli("queue", "rm", "mail")
        self.expect_error(not_empty, "FAILED_PRECONDITION", "QUEUE_NOT_EMPTY", "1 task")
        self.assertIn("queue get mail", not_empty.stderr)

        resumed = self.cli("queue", "resume", "mail", "--reason", "it is back")
        self.assertIn("state             open\n", resumed)
        self.assertIn("(it is back)", resumed)
        self.assertEqual(self.cli("task", "wait", name), "hello")

        self.cli("queue", "pause", "mail")
        self.cli("submit", "echo", "hello", "--queue", "mail")
        purged = self.cli("queue", "purge", "mail", "--reason", "too old")
        self.assertEqual(purged, "cancelled 1 waiting task\n")
        self.assertIn("(too old)", self.cli("queue", "get", "mail"))
        self.cli("queue", "rm", "mail")
        self.assertNotIn("mail", self.cli("queue", "ls"))

    def test_json_has_what_the_server_says(self):
        queues = json.loads(self.cli("-o", "json", "queue", "ls"))["queues"]
        self.assertIn("queues/default", [queue["name"] for queue in queues])
        queue = json.loads(self.cli("-o", "json", "queue", "get", "default"))
        self.assertEqual(queue["max_tasks"], "100000")

    def test_the_help_says_what_each_command_does(self):
        shown = self.cli("queue", "--help")
        for command in ("ls", "get", "create", "update", "rm", "pause", "resume", "purge"):
            self.assertRegex(shown, rf"\n  {command} +[A-Z]")


if __name__ == "__main__":
    main()
