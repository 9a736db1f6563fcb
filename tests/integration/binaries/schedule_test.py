"""`taskforge schedule`, and what becomes of schedules when the server is killed."""

import json
import signal
import urllib.request

from harness import Server, Test, main, until


class Schedule(Test):
    def cli(self, server, *words):
        result = server.cli(*words)
        self.expect_exit(0, result)
        return result.stdout

    def shown(self, server, name):
        return json.loads(self.cli(server, "-o", "json", "schedule", "get", name))

    def test_a_schedule_from_its_making_to_its_removal(self):
        with Server() as server:
            made = self.cli(
                *(server, "schedule", "create", "nightly", "echo", "hello"),
                *("--cron", "0 2 * * 1-5", "--time-zone", "Europe/Berlin", "--overlap", "queue-one"),
            )
            self.assertIn("when         0 2 * * 1-5 Europe/Berlin\n", made)
            self.assertIn("overlap      queue-one\n", made)
            self.assertIn("kept         in memory: gone when the server ends\n", made)
            changed = self.cli(server, "schedule", "update", "nightly", "--every", "90s")
            self.assertIn("when         every 1m30s\n", changed)
            self.assertIn("task         echo, in queues/default\n", changed)
            paused = self.cli(server, "schedule", "pause", "nightly", "--reason", "holidays")
            self.assertIn("state        paused (holidays)\n", paused)
            self.assertIn("paused (holidays)", self.cli(server, "schedule", "ls"))
            metrics = urllib.request.urlopen(f"http://{server.admin}/metrics").read().decode()
            self.assertIn('taskforge_schedules{state="paused"} 1\n', metrics)
            self.assertIn('taskforge_schedule_runs_total{outcome="started"} 0\n', metrics)
            self.assertIn("active", self.cli(server, "schedule", "resume", "nightly"))
            self.cli(server, "schedule", "delete", "nightly")
            self.assertNotIn("nightly", self.cli(server, "schedule", "ls"))
            gone = server.cli("schedule", "get", "nightly")
            self.expect_error(gone, "NOT_FOUND", "SCHEDULE_UNKNOWN", "nightly")
            self.assertIn("schedule ls", gone.stderr)

    def test_what_is_wrong_is_told_with_its_place(self):
        with Server() as server:
            wrong = server.cli("schedule", "create", "x", "echo", "--cron", "0 25 * * *")
            self.expect_error(wrong, "INVALID_ARGUMENT", "INVALID_FIELD", "hour field", "0 to 23")
            nothing = server.cli("schedule", "update", "x")
            self.assertIn("nothing to change", nothing.stderr)

    def test_no_instant_has_two_tasks_over_kills(self):
        data = self.temporary_directory() / "data"
        noted = 0
        kills = 3
        for life in range(kills + 1):
            with Server("--data-dir", str(data)) as server:
                if life == 0:
                    self.cli(
                        *(server, "schedule", "create", "often", "echo", "x", "--every", "1s"),
                        *("--overlap", "allow", "--missed", "run-once"),
                    )
                before = self.shown(server, "often")
                self.assertEqual(before["effective_durability"], "DURABILITY_DURABLE")
                started = int(before.get("started_runs", 0))
                self.assertGreaterEqual(started, noted)
                until(lambda: int(self.shown(server, "often").get("started_runs", 0)) >= started + 2)
                noted = started + 2
                if life < kills:
                    server.signal(signal.SIGKILL)
                    server.wait()
                    continue
                self.cli(server, "schedule", "pause", "often")
                last = self.shown(server, "often")
                tasks = json.loads(self.cli(server, "-o", "json", "task", "ls"))["tasks"]
                names = [task["name"] for task in tasks]
                self.assertEqual(len(set(names)), len(names))
                # Each run has its one task; a kill may have come before a run was noted.
                self.assertGreaterEqual(len(names), int(last["started_runs"]))
                self.assertLessEqual(len(names), int(last["started_runs"]) + kills)
                self.assertTrue(all("/often-2" in name for name in names), names)
        with Server("--data-dir", str(data)) as server:
            self.assertEqual(self.shown(server, "often")["state"], "SCHEDULE_STATE_PAUSED")


if __name__ == "__main__":
    main()
