#!/usr/bin/env python3
"""`taskforged health` and `taskforged doctor` as probes and people run them: exit codes, and where
they look when the configuration comes from the environment, a file or flags.

Usage: probes_test.py TASKFORGED.
"""
import contextlib
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

TASKFORGED = sys.argv.pop(1)
TIMEOUT_S = 60


def run(*arguments, env=None):
    return subprocess.run([TASKFORGED, *arguments], env=env or {}, capture_output=True, text=True,
                          timeout=TIMEOUT_S)


def make_certificate(folder, name, alternative_name, authority=None):
    """Signed by `authority` (paths of certificate and key), or by itself; returns its paths."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    signer = ["-CA", authority[0], "-CAkey", authority[1]] if authority else []
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "30", "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative_name}",
                    "-addext", f"basicConstraints=critical,CA:{'FALSE' if authority else 'TRUE'}", *signer,
                    "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True, timeout=60)
    return str(certificate), str(key)


class Probes(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enter(tempfile.TemporaryDirectory()))
        self.socket = f"unix:{self.folder}/socket"

    def enter(self, context):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        return stack.enter_context(context)

    def serve(self, env):
        """Starts a server that is configured by the environment; returns its gRPC address."""
        ready = self.folder / "ready"
        ready.unlink(missing_ok=True)
        env = {"TASKFORGE_ADMIN_LISTEN": "127.0.0.1:0", "TASKFORGE_READY_FILE": str(ready), **env}
        process = subprocess.Popen([TASKFORGED, "serve"], env=env, stderr=subprocess.DEVNULL)

        def stop():
            process.terminate()
            process.wait(TIMEOUT_S)

        self.addCleanup(stop)
        deadline = time.monotonic() + TIMEOUT_S
        while not ready.exists():
            self.assertIsNone(process.poll(), "the server ended")
            self.assertLess(time.monotonic(), deadline, "the server is not ready")
            time.sleep(0.02)
        return ready.read_text(encoding="utf-8").split('"')[3]

    def assert_code(self, code, done):
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)

    def test_health_follows_environment_file_and_flag(self):
        self.serve({"TASKFORGE_GRPC_LISTEN": self.socket})
        config = self.folder / "config.yaml"
        config.write_text(f"grpc: {{listen: '{self.socket}'}}\n", encoding="utf-8")
        self.assert_code(0, run("health", env={"TASKFORGE_GRPC_LISTEN": self.socket}))
        self.assert_code(0, run("health", "--config", str(config)))
        self.assert_code(0, run("health", env={"TASKFORGE_CONFIG": str(config)}))
        self.assert_code(0, run("health", "--address", self.socket))
        elsewhere = {"TASKFORGE_GRPC_LISTEN": f"unix:{self.folder}/elsewhere"}
        self.assert_code(2, run("health", "--timeout", "0.2", env=elsewhere))
        self.assert_code(0, run("health", "--address", self.socket, env=elsewhere))

    def test_health_has_the_exit_codes_of_grpc_health_probe(self):
        self.serve({"TASKFORGE_GRPC_LISTEN": self.socket})
        env = {"TASKFORGE_GRPC_LISTEN": self.socket}
        self.assert_code(0, run("health", "--service", "readiness", env=env))
        self.assert_code(1, run("health", "--no-such-option", env=env))
        self.assert_code(1, run("health", "--tls-cert", "only.pem", env=env))
        self.assert_code(1, run("health", env={"TASKFORGE_POOL_MIN_THREADS": "many"}))
        self.assert_code(1, run("health", env={"TASKFORGE_GRPC_LISTEN": "127.0.0.1:0"}))
        self.assert_code(3, run("health", "--service", "nonsense", env=env))

    def test_health_speaks_tls_where_the_server_does(self):
        certificate, key = make_certificate(self.folder, "server", "DNS:tasks.example.com")
        other, _ = make_certificate(self.folder, "other", "DNS:tasks.example.com")
        env = {"TASKFORGE_TLS_CERTIFICATE_FILE": certificate, "TASKFORGE_TLS_KEY_FILE": key}
        address = self.serve({**env, "TASKFORGE_GRPC_LISTEN": "127.0.0.1:0"})
        env["TASKFORGE_GRPC_LISTEN"] = address
        self.assert_code(0, run("health", env=env))
        self.assert_code(2, run("health", "--timeout", "0.5", "--tls-ca", other, env=env))
        self.assert_code(2, run("health", "--timeout", "0.5", env={"TASKFORGE_GRPC_LISTEN": address}))
        by_hand = ["health", "--address", address, "--tls-ca", certificate, "--timeout", "0.5"]
        self.assert_code(2, run(*by_hand))
        self.assert_code(0, run(*by_hand, "--tls-server-name", "tasks.example.com"))

    def test_health_trusts_the_certificate_of_its_own_server_whoever_signed_it(self):
        authority = make_certificate(self.folder, "authority", "DNS:authority")
        certificate, key = make_certificate(self.folder, "server", "DNS:tasks.example.com", authority)
        env = {"TASKFORGE_TLS_CERTIFICATE_FILE": certificate, "TASKFORGE_TLS_KEY_FILE": key}
        env["TASKFORGE_GRPC_LISTEN"] = self.serve({**env, "TASKFORGE_GRPC_LISTEN": "127.0.0.1:0"})
        self.assert_code(0, run("health", env=env))

    def test_health_shows_a_certificate_to_a_server_that_asks_for_one(self):
        certificate, key = make_certificate(self.folder, "server", "IP:127.0.0.1")
        mine, my_key = make_certificate(self.folder, "probe", "DNS:probe")
        env = {"TASKFORGE_TLS_CERTIFICATE_FILE": certificate, "TASKFORGE_TLS_KEY_FILE": key,
               "TASKFORGE_TLS_CLIENT_CA_FILE": mine}
        env["TASKFORGE_GRPC_LISTEN"] = self.serve({**env, "TASKFORGE_GRPC_LISTEN": "127.0.0.1:0"})
        self.assertIn(run("health", "--timeout", "0.5", env=env).returncode, (2, 3))
        self.assert_code(0, run("health", "--tls-cert", mine, "--tls-key", my_key, env=env))

    def test_doctor_says_what_is_wrong_and_what_to_do(self):
        env = {"TASKFORGE_GRPC_LISTEN": self.socket, "TASKFORGE_ADMIN_LISTEN": "127.0.0.1:0"}
        done = run("doctor", env=env)
        self.assert_code(0, done)
        for line in done.stdout.splitlines():
            self.assertRegex(line, r"^(ok       \S.*|warning  \S.*  — \S.*)$")
        # A server that runs has its address.
        self.serve(env)
        done = run("doctor", env=env)
        self.assert_code(1, done)
        self.assertRegex(done.stdout, r"(?m)^problem  grpc\.listen: .*  — \S")
        done = run("doctor", "--pool-min-threads", "0")
        self.assert_code(1, done)
        self.assertRegex(done.stdout, r"(?m)^problem  configuration: .*min_threads")
        self.assert_code(2, run("doctor", "--no-such-option"))


if __name__ == "__main__":
    unittest.main()
