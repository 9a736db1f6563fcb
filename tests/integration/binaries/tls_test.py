"""TLS and clients' certificates, from PEM files."""

import pathlib
import tempfile

from certificates import Authority, openssl
from harness import TASKFORGED, Server, Test, main, next_command, run


class Tls(Test):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(
            cls.enterClassContext(tempfile.TemporaryDirectory(prefix="taskforge-test."))
        )
        cls.authority = Authority(cls.directory, "ours")
        cls.trust = ["--tls-ca", cls.authority.certificate]
        cls.other = Authority(cls.directory, "other")
        cls.certificate, cls.key = cls.authority.issue("server")
        cls.flags = ["--tls-certificate-file", cls.certificate, "--tls-key-file", cls.key]
        cls.server = cls.enterClassContext(Server(*cls.flags))
        cls.mutual = cls.enterClassContext(
            Server(*cls.flags, "--tls-client-ca-file", cls.authority.certificate)
        )

    def test_a_client_that_trusts_the_authority_is_served(self):
        words = ["run", "echo", "secret"]
        result = self.server.cli("--tls-ca", self.authority.certificate, *words)
        self.expect_exit(0, result)
        self.assertEqual(result.stdout, "secret")
        result = self.server.cli(*words, TASKFORGE_TLS_CA=self.authority.certificate)
        self.assertEqual(result.stdout, "secret")

    def test_a_plaintext_client_is_told(self):
        result = self.server.cli("run", "echo", "secret")
        self.expect_exit(3, result)
        self.expect_error(result, "UNAVAILABLE", "", "which needs --tls-ca", "--tls-ca FILE server")
        self.assertEqual(len(result.stderr.splitlines()), 3, "nothing of the library's own")

    def test_a_client_that_trusts_another_authority_is_told(self):
        result = self.server.cli("--tls-ca", self.other.certificate, "run", "echo", "secret")
        self.expect_exit(3, result)
        why = f"is of no authority in {self.other.certificate}"
        self.expect_error(result, "UNAVAILABLE", "", why, "--tls-ca FILE server")

    def test_a_certificate_for_another_name_is_refused(self):
        certificate, key = self.authority.issue("elsewhere", "DNS:elsewhere.example")
        flags = ["--tls-certificate-file", certificate, "--tls-key-file", key]
        with Server(*flags) as server:
            result = server.cli(*self.trust, "server", "info")
            self.expect_exit(3, result)
            self.expect_error(result, "UNAVAILABLE", "", "for other names")

    def test_a_tls_client_of_a_plain_server_is_told(self):
        with Server() as plain:
            result = plain.cli(*self.trust, "server", "info")
        self.expect_exit(3, result)
        self.expect_error(result, "UNAVAILABLE", "", "speaks no TLS")
        self.assertNotIn("--tls-ca", next_command(result))

    def test_a_client_without_a_certificate_is_refused_where_one_is_asked_for(self):
        result = self.mutual.cli(*self.trust, "run", "echo", "x")
        self.expect_exit(3, result)
        self.expect_error(result, "UNAVAILABLE", "", "may want a certificate", "--tls-cert FILE")

    def test_a_client_with_a_certificate_is_served(self):
        certificate, key = self.authority.issue("client")
        flags = ["--tls-cert", certificate, "--tls-key", key]
        result = self.mutual.cli(*self.trust, *flags, "run", "echo", "mutual")
        self.expect_exit(0, result)
        self.assertEqual(result.stdout, "mutual")
        result = self.mutual.cli(
            *("run", "echo", "mutual"),
            TASKFORGE_TLS_CA=self.authority.certificate,
            TASKFORGE_TLS_CERT=certificate,
            TASKFORGE_TLS_KEY=key,
        )
        self.assertEqual(result.stdout, "mutual")

    def test_a_client_with_a_certificate_of_another_authority_is_refused(self):
        certificate, key = self.other.issue("client")
        flags = ["--tls-cert", certificate, "--tls-key", key]
        result = self.mutual.cli(*self.trust, *flags, "run", "echo", "mutual")
        self.expect_exit(3, result)
        self.expect_error(result, "UNAVAILABLE", "", "may not trust the certificate")

    def test_half_a_client_certificate_is_a_usage_error(self):
        certificate, key = self.authority.issue("half")
        for flags in (
            [*self.trust, "--tls-cert", certificate],
            [*self.trust, "--tls-key", key],
            ["--tls-cert", certificate, "--tls-key", key],
        ):
            with self.subTest(flags=flags):
                self.expect_exit(2, self.mutual.cli(*flags, "server", "info"))

    def expect_refused(self, flags, *texts):
        result = run(TASKFORGED, "serve", "--grpc-listen", "127.0.0.1:0", "--admin-listen",
                     "127.0.0.1:0", *flags)
        self.assertIn(result.returncode, (1, 2), result.stderr)
        last = result.stderr.splitlines()[-1]
        self.assertTrue(last.startswith("taskforged: "), result.stderr)
        for text in texts:
            self.assertIn(text, last)

    def test_a_server_refuses_files_that_do_not_fit(self):
        garbage = self.directory / "garbage"
        garbage.write_text("this is no certificate\n")
        _, other_key = self.other.issue("server")
        certificate, key = self.certificate, self.key
        for flags, *texts in (
            ({"certificate": "/no/such/file", "key": key}, "tls.certificate_file", "/no/such/file"),
            ({"certificate": certificate, "key": "/no/such/file"}, "tls.key_file", "/no/such/file"),
            ({"certificate": garbage, "key": key}, "tls.certificate_file", str(garbage)),
            ({"certificate": certificate, "key": garbage}, "tls.key_file", str(garbage)),
            ({"certificate": certificate, "key": other_key}, "tls.key_file", other_key),
            ({"certificate": certificate, "key": key, "client-ca": garbage}, "tls.client_ca_file"),
            ({"certificate": certificate}, "tls.key_file", "tls.certificate_file"),
            ({"client-ca": certificate}, "tls.client_ca_file", "tls.certificate_file"),
        ):
            with self.subTest(flags=flags):
                arguments = []
                for name, value in flags.items():
                    arguments += [f"--tls-{name}-file", str(value)]
                self.expect_refused(arguments, *texts)

    def test_a_key_with_a_password_is_refused_without_asking_for_it(self):
        locked = str(self.directory / "locked.key")
        openssl("ec", "-in", self.key, "-aes128", "-passout", "pass:x", "-out", locked)
        self.expect_refused(
            ["--tls-certificate-file", self.certificate, "--tls-key-file", locked], "passphrase"
        )


if __name__ == "__main__":
    main()
