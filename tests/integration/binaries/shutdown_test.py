"""How the server ends: what it refuses, what it finishes, and what it says is gone."""

import signal
import urllib.error
import urllib.request

from harness import TASKFORGE, Server, Test, finish, main, start, until


def readyz(server):
    try:
        return urllib.request.urlopen(f"http://{server.admin}/readyz", timeout=30).status
    except urllib.error.HTTPError as error:
        return error.code


class Shutdown(Test):
    def drain(self, server):
        """Sends SIGTERM, and returns when the server is draining."""
        server.signal(signal.SIGTERM)
        self.assertTrue(server.wait_for_line("stopping"))
        until(lambda: server.health("readiness") == 4)

    def expect_last_line(self, server, waiting, running, stopped=0, results=None):
        line = server.lines[-1]
        self.assertIn("stopped; what was in memory only is gone", line)
        self.assertIn(f"waiting_tasks={waiting} stopped_tasks={stopped} running_tasks={running} ", line)
        if results is not None:
            self.assertIn(f"results={results}", line)

    def test_finishes_what_it_accepted_and_refuses_the_rest(self):
        with Server() as server:
            server.submit("sleep", "1h", "--id", "holder")  # Drains for as long as the test wants.
            server.submit("sleep", "2s", "--id", "accepted")
            waiting = start(TASKFORGE, "--server", server.grpc, "task", "wait", "accepted")
            self.drain(server)
            self.assertEqual(server.health("liveness"), 0)
            self.assertEqual(readyz(server), 503)

            result = server.cli("submit", "echo", "late")
            self.expect_exit(3, result)
            self.expect_error(result, "UNAVAILABLE", "DRAINING", "try again in ")
            self.expect_exit(3, server.cli("run", "echo", "late"))

            code, out, err = finish(waiting)
            self.assertEqual((code, out), (0, "slept 2s"), err)
            # What it has can be read and cancelled still.
            self.assertEqual(server.state_of("accepted"), "TASK_STATE_SUCCEEDED")
            self.assertIsNone(server.process.poll())
            self.expect_exit(0, server.cli("task", "cancel", "holder"))
            self.assertEqual(server.wait(), 0)
            self.expect_last_line(server, waiting=0, running=0, results=2)

    def test_counts_what_waited_and_is_gone(self):
        with Server() as server:
            server.submit("echo", "later", "--in", "1h")
            server.submit("echo", "later", "--in", "1h")
            self.assertEqual(server.cli("run", "echo", "now").stdout, "now")
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait(), 0)
            self.expect_last_line(server, waiting=2, running=0, results=1)

    def test_gives_up_on_what_runs_too_long(self):
        # The second holds its thread, and ends only if it is asked to; the first ends with the timer too.
        for request in ("1h", '{"duration":"1h","blocking":true}'):
            with self.subTest(request=request), Server("--shutdown-timeout", "200ms") as server:
                server.submit("sleep", request)
                server.signal(signal.SIGTERM)
                self.assertEqual(server.wait(), 1, "something that ran is lost")
                self.expect_last_line(server, waiting=0, stopped=1, running=0)

    def test_stays_open_for_the_delay(self):
        with Server("--shutdown-delay", "1h") as server:
            self.drain(server)
            self.assertEqual(server.cli("run", "echo", "still").stdout, "still")
            server.signal(signal.SIGTERM)
            self.assertEqual(server.wait(), 128 + signal.SIGTERM)

    def test_ends_at_once_on_a_second_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number), Server() as server:
                server.submit("sleep", "1h")
                self.drain(server)
                server.signal(number)
                self.assertEqual(server.wait(), 128 + number)
                self.assertIn("a second signal", server.lines[-1])

    def test_ctrl_c_is_orderly_too(self):
        with Server() as server:
            server.signal(signal.SIGINT)
            self.assertEqual(server.wait(), 0)
            self.expect_last_line(server, waiting=0, running=0)

    def test_drains_when_an_admin_asks(self):
        with Server() as server:
            self.expect_exit(0, server.cli("server", "drain", "--timeout", "10s"))
            self.assertEqual(server.wait(), 0)
            self.expect_last_line(server, waiting=0, running=0)

    def test_ends_streams_with_a_reason(self):
        with Server() as server:
            subscription = start(TASKFORGE, "--server", server.grpc, "sub", "a.>")
            until(lambda: "to 1 subscription" in server.cli("pub", "a.b", "x").stdout)
            server.signal(signal.SIGTERM)
            code, _, err = finish(subscription)
            self.assertEqual(code, 3)
            self.assertIn("UNAVAILABLE (DRAINING)", err)
            self.assertEqual(server.wait(), 0)


if __name__ == "__main__":
    main()
