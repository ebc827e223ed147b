"""An origin for media that trusts its proxy too much: origin.py LOG_FILE.

Listens on a free port of 127.0.0.1, prints it, and answers every request with 200. X-Served-Path is the path
that it would have served: decoded, backslashes taken for slashes, parameters (";…") taken off, dot segments
resolved. X-Seen-… are what it was told. LOG_FILE gets all of each request's head.
"""

import http.server
import sys
import urllib.parse

SEEN = ("Session", "User", "Family", "Device", "Media", "Reason")


def served_path(target):
    """The path of a target as a careless server reads it."""
    path = urllib.parse.unquote(target.partition("?")[0], "latin-1").replace("\\", "/")
    kept = []
    for segment in path.split("/"):
        segment = segment.partition(";")[0]
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    return urllib.parse.quote("/" + "/".join(kept), safe="/")


class Origin(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        log.write(f"{self.requestline}\n{self.headers}".encode("latin-1", "replace"))
        told = self.headers
        secrets = [told.get(name, "") for name in ("X-Stream-Token", "Authorization", "Cookie", "Referer")]
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("X-Served-Path", served_path(self.path))
        self.send_header("X-Seen-Uri", self.path)
        self.send_header("X-Seen-Token", "".join(secrets))
        for name in SEEN:
            self.send_header(f"X-Seen-{name}", told.get(f"X-Stream-{name}", ""))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"media\n")

    do_GET = do_HEAD = do_POST = answer

    def log_message(self, *_):
        pass


log = open(sys.argv[1], "ab", buffering=0)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
print(server.server_port, flush=True)
server.serve_forever()
