"""Operating the store: what is in a directory, whether it fits, backups and what is promised."""

import json
import os
import re
import signal
import threading
import urllib.request

from harness import TASKFORGED, Server, Test, main, run


class Store(Test):
    def setUp(self):
        self.home = self.temporary_directory()
        self.data = self.home / "data"
        self.backups = self.home / "backups"

    def server(self, *flags, data=None):
        return Server("--data-dir", str(data or self.data), *flags)

    def store(self, command, *words, data=None):
        return run(TASKFORGED, "store", command, "--data-dir", str(data or self.data), *words)

    def fill(self, sig):
        with self.server() as server:
            server.submit("echo", "later", "--in", "1h", "--id", "waits", "--request-id", "once")
            self.assertEqual(server.cli("run", "echo", "done").stdout, "done")
            server.signal(sig)
            server.wait()

    def metric(self, server, name):
        text = urllib.request.urlopen(f"http://{server.admin}/metrics", timeout=10).read().decode()
        return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE).group(1))


class Offline(Store):
    def test_inspect_says_what_is_there(self):
        self.fill(signal.SIGTERM)
        result = self.store("inspect", "--json")
        self.expect_exit(0, result)
        report = json.loads(result.stdout)
        self.assertEqual((report["format"], report["clean_stop"], report["damaged"]), (1, True, 0))
        self.assertEqual((report["tasks"]["scheduled"], report["tasks"]["succeeded"]), (1, 1))
        self.assertEqual(report["tables"]["live"]["entries"], 1)
        self.assertEqual(report["synced"], report["position"])
        text = self.store("inspect").stdout
        self.assertRegex(text, r"(?m)^boot epoch  \d+, stopped$")
        self.assertRegex(text, r"(?m)^live +1 +\d+ +0$")

    def test_inspect_tells_a_kill(self):
        self.fill(signal.SIGKILL)
        report = json.loads(self.store("inspect", "--json").stdout)
        self.assertFalse(report["clean_stop"])
        self.assertLessEqual(report["synced"], report["position"])
        self.expect_exit(0, self.store("verify"))

    def test_verify_finds_damage_and_says_what_to_do(self):
        self.fill(signal.SIGTERM)
        result = self.store("verify")
        self.expect_exit(0, result)
        self.assertRegex(result.stdout, r": \d+ records read, 0 wrong\n\Z")
        log = max((self.data / "db").glob("*.log"))
        log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
        result = self.store("verify")
        self.expect_exit(1, result)
        self.assertIn("wrong: the log ends at ", result.stdout)
        self.assertIn("--store-accept-data-loss", result.stdout)
        self.assertGreater(json.loads(self.store("verify", "--json").stdout)["wrong"], 0)

    def test_compact_keeps_what_is_needed(self):
        self.fill(signal.SIGTERM)
        result = self.store("compact", "--json")
        self.expect_exit(0, result)
        self.assertIn("bytes_after", json.loads(result.stdout))
        self.expect_exit(0, self.store("verify"))
        with self.server() as server:
            self.assertEqual(server.state_of("waits"), "TASK_STATE_SCHEDULED")

    def test_refuses_what_a_server_uses_and_what_is_none(self):
        with self.server():
            for command in ("inspect", "verify", "compact"):
                result = self.store(command)
                self.expect_exit(1, result)
                self.assertIn("is in use by another server", result.stderr)
        none = self.home / "none"
        result = self.store("inspect", data=none)
        self.expect_exit(1, result)
        self.assertIn("is no data directory", result.stderr)
        self.assertFalse(none.exists())
        # The harness's environment names no directory.
        self.assertEqual(run("/usr/bin/env", "-u", "TASKFORGE_DATA_DIR", TASKFORGED, "store", "verify").returncode, 2)


class Backup(Store):
    def test_a_backup_under_load_has_all_that_was_acknowledged_before_it(self):
        with self.server("--store-backup-dir", str(self.backups)) as server:
            stop = threading.Event()
            counted = threading.Semaphore(0)
            failed = []

            def load(worker):
                number = 0
                while not stop.is_set():
                    words = "\n".join(
                        json.dumps({"task_id": f"w{worker}-{number}-{i}", "task": {"handler": "echo"}})
                        for i in range(50))
                    result = server.cli("submit", "-f", "-", stdin=words)
                    if result.returncode != 0:
                        failed.append(result.stderr)
                        return
                    number += 1
                    counted.release()

            threads = [threading.Thread(target=load, args=(i,)) for i in range(2)]
            for thread in threads:
                thread.start()
            try:
                for _ in range(4):
                    self.assertTrue(counted.acquire(timeout=60))
                acknowledged = [server.submit("echo", "x", "--in", "1h", "--id", f"before{i}") for i in range(10)]
                result = server.cli("-o", "json", "store", "backup", "under-load")
                self.assertTrue(counted.acquire(timeout=60))  # It goes on.
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
            self.assertEqual(failed, [])
            self.expect_exit(0, result)
            path = json.loads(result.stdout)["path"]
            self.assertEqual(path, str(self.backups / "under-load"))
            server.submit("echo", "x", "--in", "1h", "--id", "after")
        # Restored as the page says: moved to where the server looks for it.
        restored = self.home / "restored"
        os.rename(path, restored)
        self.expect_exit(0, self.store("verify", data=restored))
        with self.server(data=restored) as server:
            for name in acknowledged:
                self.assertEqual(server.state_of(name), "TASK_STATE_SCHEDULED")
            first = json.loads(server.cli("-o", "json", "task", "get", "w0-0-0").stdout)
            self.assertEqual(first["effective_durability"], "DURABILITY_DURABLE")
            self.assertNotEqual(server.cli("task", "get", "after").returncode, 0)
            self.assertEqual(self.metric(server, "taskforge_audit_residual"), 0)

    def test_refuses_a_path_and_a_name_that_is_taken(self):
        with self.server("--store-backup-dir", str(self.backups)) as server:
            self.expect_exit(0, server.cli("store", "backup", "one"))
            self.expect_error(server.cli("store", "backup", "one"), "ALREADY_EXISTS", "BACKUP_EXISTS")
            self.expect_error(server.cli("store", "backup", "../one"), "INVALID_ARGUMENT", "INVALID_FIELD")
            self.assertEqual([path.name for path in self.backups.iterdir()], ["one"])

    def test_is_off_by_default(self):
        with self.server() as server:
            self.expect_error(server.cli("store", "backup", "one"), "FAILED_PRECONDITION", "BACKUPS_OFF",
                              "store.backup_dir")
        with Server() as server:
            self.expect_error(server.cli("store", "backup", "one"), "FAILED_PRECONDITION", "BACKUPS_OFF", "data_dir")


class Promise(Store):
    def test_says_what_holds_as_it_was_measured(self):
        with self.server("--store-flush-interval", "50ms") as server:
            server.submit("echo", "x")
            held = json.loads(server.cli("-o", "json", "server", "guarantees").stdout)
            self.assertEqual(held["durability"], "DURABILITY_DURABLE")
            self.assertGreaterEqual(int(held["syncs"]["count"]), 2)  # The boot epoch, and the task.
            self.assertGreater(float(held["syncs"]["median"].rstrip("s")), 0)
            self.assertEqual(held["buffered_interval"], "0.050s")
            self.assertEqual(len(held["waiting_bounds"]), 4)
            self.assertGreater(self.metric(server, "taskforge_store_sync_seconds_count"), 1)
            self.assertGreater(self.metric(server, "taskforge_store_free_bytes"), 0)
            self.assertEqual(self.metric(server, 'taskforge_store_stalled{how="stopped"}'), 0)
            self.assertRegex(server.cli("server", "guarantees").stdout, r"(?m)^synced +in .*, on \w+")

    def test_says_what_makes_less_of_it(self):
        with Server() as server:
            held = json.loads(server.cli("-o", "json", "server", "guarantees").stdout)
            self.assertEqual(held["best_durability"], "DURABILITY_MEMORY")
            self.assertNotIn("syncs", held)
        with self.server("--store-accept-data-loss") as server:
            held = json.loads(server.cli("-o", "json", "server", "guarantees").stdout)
            self.assertIn("store.accept_data_loss is on", " ".join(held["caveats"]))

    def test_nothing_is_missing_after_work_a_kill_and_a_refusal(self):
        with self.server() as server:
            for number in range(20):
                server.submit("echo", "x", "--in", "1h" if number % 2 else "0s", "--id", f"t{number}")
            self.assertNotEqual(server.cli("submit", "echo", "x", "--id", "t0").returncode, 0)
            self.assertEqual(self.metric(server, "taskforge_audit_residual"), 0)
            server.signal(signal.SIGKILL)
            server.wait()
        with self.server() as server:
            self.assertEqual(self.metric(server, "taskforge_audit_residual"), 0)
            server.cli("task", "cancel", "t1")
            self.assertEqual(self.metric(server, "taskforge_audit_residual"), 0)


if __name__ == "__main__":
    main()
