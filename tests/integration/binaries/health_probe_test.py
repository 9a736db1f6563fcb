"""`taskforged health` has the exit codes of grpc_health_probe."""

import signal
import socket
import threading

from harness import TASKFORGED, Server, Test, main, run


class SilentServer:
    """Speaks enough of HTTP/2 to be connected to, and then never answers."""

    SETTINGS = b"\0\0\0\4\0\0\0\0\0"

    def __enter__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def _serve(self):
        connections = []
        try:
            while True:
                connections.append(self._socket.accept()[0])
                connections[-1].sendall(self.SETTINGS)
        except OSError:  # Closed.
            for connection in connections:
                connection.close()

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def probe(address, *flags):
    return run(TASKFORGED, "health", "--address", address, *flags)


class HealthProbe(Test):
    def test_0_serving_and_4_not_serving_during_a_drain(self):
        with Server() as server:
            for service in ("", "liveness", "readiness", "taskforge.v1.TaskService"):
                result = probe(server.grpc, "--service", service)
                self.expect_exit(0, result)
                self.assertEqual(result.stdout, "status: SERVING\n")
            server.submit("sleep", "1h")  # Keeps it from ending.
            server.signal(signal.SIGTERM)
            server.wait_for_line("stopping")
            # The log line comes before the change.
            while (result := probe(server.grpc, "--service", "readiness")).returncode == 0:
                pass
            self.expect_exit(4, result)
            self.assertEqual(result.stdout, "status: NOT_SERVING\n")
            self.expect_exit(4, probe(server.grpc))
            self.expect_exit(0, probe(server.grpc, "--service", "liveness"))

    def test_1_when_the_command_line_is_wrong(self):
        for flags in (["--colour", "red"], ["--timeout", "0"], ["--timeout", "soon"],
                      ["--tls-ca", "/no/such/file"]):
            with self.subTest(flags=flags):
                result = probe("127.0.0.1:1", *flags)
                self.expect_exit(1, result)
                self.assertTrue(result.stderr)

    def test_2_when_nobody_is_there(self):
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{nobody.getsockname()[1]}"
            result = probe(address, "--timeout", "0.3")
        self.expect_exit(2, result)
        self.assertIn(address, result.stderr)

    def test_3_when_the_call_fails_or_takes_too_long(self):
        with Server() as server:
            result = probe(server.grpc, "--service", "no.such.Service")
            self.expect_exit(3, result)
            self.assertIn("no.such.Service", result.stderr)
        with SilentServer() as server:
            self.expect_exit(3, probe(server.address, "--timeout", "0.5"))

    def test_over_a_unix_socket(self):
        socket_path = self.temporary_directory() / "s"
        with Server(listen=f"unix:{socket_path}"):
            self.expect_exit(0, probe(f"unix:{socket_path}"))


if __name__ == "__main__":
    main()
