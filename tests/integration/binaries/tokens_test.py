"""The token file: who may do what, and that tokens are seen nowhere."""

import hashlib
import pathlib

from harness import TASKFORGE, TASKFORGED, Server, Test, main, run, start

CLIENT, ADMIN, UNKNOWN = "client-token-3141", "admin-token-2718", "unknown-token-1618"


def digest(token):
    return hashlib.sha256(token.encode()).hexdigest()


class Tokens(Test):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--log-level", "debug")
        cls.files = pathlib.Path(cls.server.directory.name)
        (cls.files / "tokens").write_text(
            f"# Who may call.\nclient:ann:{digest(CLIENT)}\n\nadmin:bob:{digest(ADMIN)}\n"
        )
        for name, token in (("client", CLIENT), ("admin", ADMIN), ("unknown", UNKNOWN)):
            (cls.files / name).write_text(token + "\n")
        cls.server.flags += ["--auth-token-file", str(cls.files / "tokens")]
        cls.enterClassContext(cls.server)

    def as_(self, name, *words):
        return self.server.cli("--token-file", str(self.files / name), *words)

    def test_nobody_without_a_token(self):
        change = ["pool", "set", "--max", "9"]
        for words in (["run", "echo"], ["server", "info"], ["sub", "a"], change):
            with self.subTest(words=words):
                result = self.server.cli(*words)
                self.expect_exit(4, result)
                self.expect_error(result, "UNAUTHENTICATED", "TOKEN_MISSING", "--token-file FILE")
        self.expect_exit(4, self.server.cli("submit", "-f", "-", stdin='{"handler":"echo"}\n'))

    def test_nobody_with_a_token_that_is_none(self):
        result = self.as_("unknown", "run", "echo")
        self.expect_exit(4, result)
        self.expect_error(result, "UNAUTHENTICATED", "TOKEN_UNKNOWN")

    def test_a_client_may_submit_but_not_change_the_server(self):
        self.assertEqual(self.as_("client", "run", "echo", "hello").stdout, "hello")
        self.expect_exit(0, self.as_("client", "pool", "get"))
        for words in (["pool", "set", "--max", "9"], ["server", "drain"]):
            with self.subTest(words=words):
                result = self.as_("client", *words)
                self.expect_exit(4, result)
                self.expect_error(result, "PERMISSION_DENIED", "ROLE_MISSING", "admin", "ann")

    def test_an_admin_may(self):
        self.expect_exit(0, self.as_("admin", "pool", "set", "--max", "9"))
        self.assertEqual(self.as_("admin", "run", "echo", "hello").stdout, "hello")

    def test_the_environment_may_hold_the_token_or_its_file(self):
        self.expect_exit(0, self.server.cli("run", "echo", TASKFORGE_TOKEN=CLIENT))
        self.expect_exit(
            0, self.server.cli("run", "echo", TASKFORGE_TOKEN_FILE=str(self.files / "client"))
        )
        # The flag wins.
        words = ["--token-file", str(self.files / "admin"), "pool", "set", "--max", "9"]
        self.expect_exit(0, self.server.cli(*words, TASKFORGE_TOKEN=CLIENT))

    def test_health_needs_no_token(self):
        self.assertEqual(self.server.health("readiness"), 0)

    def test_a_token_is_on_no_command_line_and_in_no_log(self):
        process = start(
            *(TASKFORGE, "--server", self.server.grpc, "-o", "jsonl", "pool", "watch"),
            env={"TASKFORGE_TOKEN": CLIENT},
        )
        process.stdout.readline()
        command_lines = [
            pathlib.Path(f"/proc/{pid}/cmdline").read_text()
            for pid in (process.pid, self.server.process.pid)
        ]
        process.kill()
        process.communicate()
        for name in ("client", "admin", "unknown"):
            self.as_(name, "pool", "set", "--max", "9")
        said = [result.stderr + result.stdout for result in (
            self.as_("unknown", "run", "echo"), self.as_("client", "server", "drain"))]
        log = "\n".join(self.server.lines)
        self.assertIn(" serving ", log)
        for token in (CLIENT, ADMIN, UNKNOWN):
            for text in (*command_lines, log, *said):
                self.assertNotIn(token, text)
                self.assertNotIn(digest(token), text)

    def test_a_bad_token_file_is_refused_with_its_line(self):
        file = self.temporary_directory() / "tokens"
        good = f"client:ann:{digest(CLIENT)}\n"
        for text, *expected in (
            ("", "no token"),
            ("# nothing\n", "no token"),
            (good + "client:ben\n", "line 2", "role:principal:sha256"),
            (good + "\nroot:ben:" + "0" * 64, "line 3", "client or admin"),
            (good + f"client:ben:{CLIENT}\n", "line 2", "64 hex digits"),
            (good + "client:b n:" + "0" * 64, "line 2", "principal"),
        ):
            with self.subTest(text=text):
                file.write_text(text)
                result = run(TASKFORGED, "serve", "--grpc-listen", "127.0.0.1:0", "--admin-listen",
                             "127.0.0.1:0", "--auth-token-file", str(file))
                self.expect_exit(1, result)
                last = result.stderr.splitlines()[-1]
                self.assertIn(f"taskforged: {file}: ", last)
                for piece in expected:
                    self.assertIn(piece, last)
                self.assertNotIn(CLIENT, result.stderr, "a token that stands in the wrong place")
        result = run(TASKFORGED, "serve", "--grpc-listen", "127.0.0.1:0", "--admin-listen",
                     "127.0.0.1:0", "--auth-token-file", "/no/such/file")
        self.expect_exit(1, result)
        self.assertIn("/no/such/file", result.stderr.splitlines()[-1])


if __name__ == "__main__":
    main()
