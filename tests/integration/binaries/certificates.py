"""A certificate authority of the test's own, by openssl."""

import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """Signs certificates; everything lies in a directory of its own."""

    def __init__(self, directory, name):
        self.directory = directory
        self.name = name
        self.certificate = self._path("ca.pem")
        openssl("req", "-x509", *self._new_key("ca"), "-out", self.certificate,
                      "-subj", f"/CN={name}", "-days", "2")

    def _path(self, name):
        return str(self.directory / f"{self.name}-{name}")

    def _new_key(self, name):
        return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", self._path(f"{name}.key"))

    def issue(self, name, subject_alt_names="DNS:localhost,IP:127.0.0.1"):
        """Returns the paths of a certificate and its key."""
        request, certificate = self._path(f"{name}.csr"), self._path(f"{name}.pem")
        extensions = self._path(f"{name}.ext")
        with open(extensions, "w") as file:
            file.write(f"subjectAltName={subject_alt_names}\n")
        openssl("req", *self._new_key(name), "-out", request, "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate,
                      "-CAkey", self._path("ca.key"), "-CAcreateserial", "-out", certificate,
                      "-days", "2", "-extfile", extensions)
        return certificate, self._path(f"{name}.key")
