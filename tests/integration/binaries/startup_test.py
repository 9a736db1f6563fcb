"""How the server starts: its ready-file, its addresses, and what it refuses."""

import json
import urllib.request

from harness import TASKFORGED, Server, Test, main, run


class Startup(Test):
    def serve(self, *flags):
        """A server that is expected not to start."""
        return run(TASKFORGED, "serve", *flags)

    def test_port_0_is_any_free_port(self):
        with Server() as one, Server() as other:
            self.assertEqual(set(one.ready), {"grpc", "admin"})
            addresses = {one.grpc, one.admin, other.grpc, other.admin}
            self.assertEqual(len(addresses), 4)
            for address in addresses:
                self.assertRegex(address, r"^127\.0\.0\.1:[1-9][0-9]*$")
            self.assertEqual(one.cli("run", "echo", "hello").stdout, "hello")
            self.assertEqual(urllib.request.urlopen(f"http://{one.admin}/livez").status, 200)

    def test_the_ready_file_is_replaced_as_a_whole(self):
        server = Server()
        server.ready_file.write_text("of an earlier life")
        with open(server.ready_file) as before, server:
            # A reader of the old file sees the old content: it was not written over.
            self.assertEqual(before.read(), "of an earlier life")
            self.assertEqual(json.loads(server.ready_file.read_text()), server.ready)
            names = {path.name for path in server.ready_file.parent.iterdir()}
            self.assertEqual(names, {"ready"}, "nothing temporary stays")

    def test_a_ready_file_that_cannot_be_written_is_an_error(self):
        result = self.serve("--grpc-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
                            "--ready-file", "/no/such/directory/ready")
        self.expect_exit(1, result)
        self.assertIn("/no/such/directory/ready", result.stderr.splitlines()[-1])

    def test_a_unix_socket(self):
        path = self.temporary_directory() / "taskforge.sock"
        with Server(listen=f"unix:{path}") as server:
            self.assertEqual(server.grpc, f"unix:{path}")
            self.assertEqual(server.cli("run", "echo", "hello").stdout, "hello")
            self.expect_exit(0, server.cli("pool", "set", "--max", "5"))

    def test_a_second_server_on_a_port_is_refused(self):
        with Server() as first:
            for grpc, admin in ((first.grpc, "127.0.0.1:0"), ("127.0.0.1:0", first.admin)):
                with self.subTest(grpc=grpc, admin=admin):
                    result = self.serve("--grpc-listen", grpc, "--admin-listen", admin)
                    self.expect_exit(1, result)
                    taken = grpc if grpc == first.grpc else admin
                    last = result.stderr.splitlines()[-1]
                    self.assertRegex(last, f"^taskforged: .*{taken}.* in use")
            self.assertEqual(first.cli("run", "echo", "still").stdout, "still")

    def test_addresses_of_other_machines_need_tls_or_a_word(self):
        for flags, key in (
            (["--grpc-listen", "0.0.0.0:0"], "grpc.listen"),
            (["--grpc-listen", "[::]:0"], "grpc.listen"),
            (["--grpc-listen", "127.0.0.1:0,192.0.2.1:0"], "grpc.listen"),
            (["--admin-listen", "0.0.0.0:0"], "admin.listen"),
        ):
            with self.subTest(flags=flags):
                result = self.serve(*flags)
                self.expect_exit(2, result)
                self.assertRegex(result.stderr, f"^taskforged: {key}: .*insecure.listen")
                self.expect_exit(0, run(TASKFORGED, "check-config", *flags, "--insecure-listen"))

    def test_check_config_says_where_and_what(self):
        file = self.temporary_directory() / "taskforge.yaml"
        file.write_text("pool:\n  min_threads: 3\n  max_thread: 4\nlog:\n   level: loud\n")
        result = run(TASKFORGED, "check-config", "--config", str(file))
        self.expect_exit(2, result)
        self.assertIn(f"{file}:3:3: ", result.stderr)
        self.assertIn("did you mean `pool.max_threads`?", result.stderr)
        self.assertRegex(result.stderr, rf"{file}:5:4: .*log\.level.*debug, info, warning")
        file.write_text("pool: [3\n")
        result = run(TASKFORGED, "check-config", "--config", str(file))
        self.expect_exit(2, result)
        self.assertRegex(result.stderr, f"{file}:[0-9]+:[0-9]+: ")
        # The same mistakes stop a server.
        self.assertEqual(self.serve("--config", str(file)).stderr, result.stderr)

    def test_flag_wins_over_environment_over_file(self):
        file = self.temporary_directory() / "taskforge.yaml"
        file.write_text("pool:\n  min_threads: 3\n  max_threads: 7\n  tick: 11ms\n")
        shown = run(TASKFORGED, "print-config", "--show-origin", "--config", str(file),
                    "--pool-min-threads", "5", TASKFORGE_POOL_MIN_THREADS="4",
                    TASKFORGE_POOL_MAX_THREADS="9").stdout
        self.assertRegex(shown, r"min_threads: 5  # flag")
        self.assertRegex(shown, r"max_threads: 9  # environment")
        self.assertRegex(shown, r"tick: 11ms  # file")
        self.assertRegex(shown, r"spin: 50us  # default")


if __name__ == "__main__":
    main()
