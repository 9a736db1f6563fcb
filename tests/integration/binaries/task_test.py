"""`taskforge task`: many tasks by what they have in common, and why one waits."""

import json

from harness import Server, Test, main


class Task(Test):
    def setUp(self):
        self.server = self.enterContext(Server())

    def cli(self, *words):
        result = self.server.cli(*words)
        self.expect_exit(0, result)
        return result.stdout

    def submit(self, *words):
        return self.cli("submit", *words).strip()

    def test_cancels_what_options_select(self):
        self.cli("queue", "create", "mail")
        self.cli("queue", "pause", "mail", "--reason", "down")
        for number in range(3):
            self.submit("echo", "x", "--queue", "mail", "--id", f"a{number}")
        would = self.cli("task", "cancel", "--queue", "mail", "--dry-run")
        self.assertIn("queues/mail/tasks/a1\n", would)
        self.assertTrue(would.endswith("would cancel 3 tasks\n"), would)
        self.assertIn("queued", self.cli("task", "get", "queues/mail/tasks/a1"))
        done = self.cli("task", "cancel", "--queue", "mail", "--state", "queued")
        self.assertEqual(done, "cancelled 3 tasks, asked 0 tasks to stop\n")
        self.assertIn("cancelled", self.cli("task", "get", "queues/mail/tasks/a1"))
        pages = self.cli("-o", "jsonl", "task", "cancel", "--all")
        self.assertEqual(json.loads(pages).get("matched", "0"), "0")

    def test_retries_what_failed(self):
        self.cli("submit", "fail", '{"reason":"BROKEN","retryable":false}', "--id", "a")
        self.server.cli("task", "wait", "a")
        self.assertIn("would retry 1 task\n", self.cli("task", "retry", "--dead", "--dry-run"))
        retried = self.cli("task", "retry", "--dead", "--request-id", "r").splitlines()
        self.assertEqual(retried[-1], "retried 1 task")
        self.assertIn("retry of    ", self.cli("task", "get", retried[0]))

    def test_explains_why_a_task_waits(self):
        self.cli("queue", "pause", "default", "--reason", "the mail server is down")
        self.submit("echo", "x", "--id", "a")
        self.submit("echo", "x", "--id", "b")
        text = self.cli("task", "explain", "b")
        self.assertIn("the mail server is down", text)
        self.assertIn("1 before it", text)
        self.assertIn("taskforge queue resume default", text)
        missing = self.server.cli("task", "explain", "none")
        self.expect_error(missing, "NOT_FOUND", "TASK_NOT_FOUND")


if __name__ == "__main__":
    main()
