# SPDX-License-Identifier: Apache-2.0
"""An HTTP server with the manners, good and bad, that test_http.py needs, on a free loopback port."""
import gzip
import http.server
import json
import ssl
import subprocess
import threading
import urllib.parse

BOMB = gzip.compress(bytes(100 << 20), 6)  # 100 MiB of zeros in 100 KB


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_one(self):
        self.path, _, query = self.path.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query))
        size = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(size)
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        self.server.arrived.set()
        method = getattr(self, "path_" + self.path.strip("/"), None)
        try:
            method() if method else self.answer(404, b"nothing here")
        except (BrokenPipeError, ConnectionResetError):
            self.server.broken.set()
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = do_PATCH = handle_one

    def path_echo(self):
        seen = {"method": self.command, "query": self.query, "body": self.body.decode(),
                "headers": {name.lower(): value for name, value in self.headers.items()}}
        self.answer(200, json.dumps(seen).encode(), Content_Type="application/json")

    def path_headers(self):
        self.send_response(200, "Fine indeed")
        for line in ("X-One: 1", "X-One: 2", "Set-Cookie: a=1", "Set-Cookie: b=2", "X-Empty:",
                     "X-Latin: caf\xe9"):
            self.send_header(*line.split(":"))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def path_redirect(self):
        self.answer(int(self.query.get("status", 302)), b"moved", Location=self.query["to"])

    def path_loop(self):
        self.answer(302, Location="/loop")

    def path_gzip(self):
        self.answer(200, gzip.compress(b"small " * 1000), Content_Encoding="gzip")

    def path_bomb(self):
        self.answer(200, BOMB, Content_Encoding="gzip")

    def path_slow(self):
        self.server.stop.wait()

    def path_endless(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        while not self.server.stop.is_set():
            self.wfile.write(b"x" * 65536)

    def path_flood(self):
        self.send_response(200)
        for number in range(3000):
            self.send_header(f"X-{number}", "y" * 100)
        self.end_headers()

    def path_cut(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"short")
        self.close_connection = True


class Server:
    def __init__(self, certificate=None, address="127.0.0.1"):
        self.http = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *args: None  # clients that refuse TLS hang up
        self.http.seen, self.port = [], self.http.server_address[1]
        self.http.stop, self.http.arrived, self.http.broken = (threading.Event() for _ in range(3))
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True,
                                                   do_handshake_on_connect=False)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,))
        self.thread.start()

    @property
    def seen(self):
        return self.http.seen

    def close(self):
        self.http.stop.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def make_certificate(folder, name="IP:127.0.0.1"):
    """A self-signed pair (certificate, key) for a name."""
    pair = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test",
                    "-addext", f"subjectAltName={name}", "-out", pair[0], "-keyout", pair[1]],
                   check=True, capture_output=True)
    return pair
