"""A company's network on loopback: a proxy that looks into TLS with a certificate of its own, and answers in AWS's place.

Through it a live command can be tried without a byte leaving this machine.
"""

import datetime as dt
import json
import re
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOSTS = ["*.amazonaws.com", "*.us-east-1.amazonaws.com", "*.sso.us-east-1.amazonaws.com"]
STS = '<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result>{1}</{0}Result></{0}Response>'
ERROR = "<ErrorResponse><Error><Code>{}</Code><Message>{}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"


@dataclass
class Corporate:
    """`answers`: (pattern of "HOST PATH BODY", what is answered); the first that matches serves. See `answered`."""

    answers: Sequence[tuple[str, Mapping[str, Any]]] = ()
    connect: int = 200
    """The status with which the proxy answers CONNECT."""
    asked: list[str] = field(default_factory=list)

    def start(self, certificate: Path) -> str:
        """Listen; the proxy's address."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        network = self

        class Proxy(BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                self.send_response_only(network.connect)
                self.end_headers()
                if network.connect == 200:
                    try:
                        with context.wrap_socket(self.connection, server_side=True) as inner:
                            network.answer(inner, self.path.partition(":")[0])
                    except OSError:
                        pass  # who does not trust the certificate hangs up
                self.close_connection = True

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, connection: ssl.SSLSocket, host: str) -> None:
        """Answer one request on a connection."""
        with connection.makefile("rb") as lines:
            start = lines.readline().decode()
            length = 0
            while line := lines.readline().strip():
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            asked = f"{host} {start.split(' ')[1]} {lines.read(length).decode()}"
        self.asked.append(asked)
        given = next((given for pattern, given in self.answers if re.search(pattern, asked)), {"status": 500, "body": "unforeseen"})
        status, headers, body = answered(given)
        head = "".join(
            f"{name}: {value}\r\n" for name, value in {**headers, "Content-Length": len(body), "Connection": "close"}.items()
        )
        connection.sendall(f"HTTP/1.1 {status} .\r\n{head}\r\n".encode() + body)


def answered(given: Mapping[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer as a case writes it: one of arn, assumed, error, json, html; ahead: seconds of skew."""
    now = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=given.get("ahead", 0))
    headers = {"Date": format_datetime(now, usegmt=True), "x-amzn-RequestId": "r-1", "Content-Type": "text/xml"}
    if arn := given.get("arn"):
        identity = f"<Arn>{arn}</Arn><UserId>U</UserId><Account>{arn.split(':')[4]}</Account>"
        return 200, headers, STS.format("GetCallerIdentity", identity).encode()
    if error := given.get("error"):
        return given.get("status", 403), headers, ERROR.format(*error).encode()
    if "json" in given:
        kind = {"x-amzn-ErrorType": given["type"]} if "type" in given else {}
        return given.get("status", 200), {**headers, "Content-Type": "application/json", **kind}, json.dumps(given["json"]).encode()
    page = {"Date": headers["Date"], "Content-Type": "text/html"}
    return given["status"], page, str(given.get("html", given.get("body", ""))).encode()


def certificate(folder: Path) -> tuple[Path, Path]:
    """(the proxy's key and certificate, the authority that signed it), made anew."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example company's authority")])
    now = dt.datetime.now(dt.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]

    def built(subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType) -> bytes:
        made = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1)).add_extension(extension, critical=True)
        )  # fmt: skip
        return made.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    authority, own = folder / "authority.pem", folder / "proxy.pem"
    authority.write_bytes(built(name, keys[0], x509.BasicConstraints(ca=True, path_length=None)))
    private = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip
    names = x509.SubjectAlternativeName([x509.DNSName(each) for each in HOSTS])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "proxy")])
    own.write_bytes(private + built(subject, keys[1], names))
    return own, authority
