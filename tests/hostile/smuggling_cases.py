"""Requests that two readers may read in two ways. Each holds, where it can, a second request inside: whoever takes the
outer one to end sooner than another does sees two requests, and the other one."""

TWO = "two"            # both are requests, one behind the other
ONE = "one"            # what is inside is a body, or nothing
REFUSED = "refused"    # an error, and the connection is closed

CHUNKED = "Transfer-Encoding: chunked"


class Names:
    """Who asks for what. outer and inner are (sessionId, token)."""

    def __init__(self, host, outer, inner):
        self.host = host
        self.outer = outer
        self.inner = inner

    @property
    def inside(self):
        return "GET /v1/sessions/%s HTTP/1.1\r\nHost: %s\r\nX-Stream-Token: %s\r\n\r\n" % (self.inner[0], self.host, self.inner[1])

    @property
    def prefix(self):
        """A request that swallows the first line of whatever comes next."""
        return self.inside[:-2] + "X-Swallow: "

    def get(self, *headers, line=None, end="\r\n", host=True):
        lines = [line or "GET /v1/sessions/%s HTTP/1.1" % self.outer[0]]
        lines += ["Host: " + self.host] if host else []
        return end.join(lines + ["X-Stream-Token: " + self.outer[1], *headers, "", ""])

    def post(self, *headers, version="1.1"):
        return self.get("Content-Type: application/json", *headers,
                        line="POST /v1/sessions/%s/heartbeat HTTP/%s" % (self.outer[0], version))


def length(body, form="%d"):
    return "Content-Length: " + form % len(body)


def cases(names):
    """(name, the bytes as text of Latin-1, what the gateway itself must make of it)."""
    inside, prefix, get, post = names.inside, names.prefix, names.get, names.post
    ended, ended_prefix = "0\r\n\r\n" + inside, "0\r\n\r\n" + prefix
    chunk = "%x\r\n%s\r\n0\r\n\r\n" % (len(inside), inside)

    yield "two requests, well-formed", get() + inside, TWO
    yield "a body of a length", post(length(inside)) + inside, ONE
    yield "a chunked body", post(CHUNKED) + chunk, ONE

    yield "CL.TE", post(length(ended), CHUNKED) + ended, REFUSED
    yield "CL.TE, a prefix", post(length(ended_prefix), CHUNKED) + ended_prefix, REFUSED
    yield "TE.CL", post(CHUNKED, "Content-Length: 4") + chunk, REFUSED
    yield "TE.CL of 0", post("Content-Length: 0", CHUNKED) + chunk, REFUSED
    for name, text in (("blank before the colon", "Transfer-Encoding : chunked"), ("xchunked", "Transfer-Encoding: xchunked"),
                       ("a tab", "Transfer-Encoding:\tchunked"), ("twice, then x", CHUNKED + "\r\nTransfer-Encoding: x"),
                       ("x, then twice", "Transfer-Encoding: x\r\n" + CHUNKED), ("folded", "X-A: b\r\n " + CHUNKED),
                       ("behind a bare LF", "X-A: b\n" + CHUNKED), ("behind a bare CR", "X-A: b\r" + CHUNKED),
                       ("a vertical tab", "Transfer-Encoding: \x0bchunked"), ("identity behind", CHUNKED + ", identity"),
                       ("identity before", "Transfer-Encoding: identity, chunked"), ("capitals", "TRANSFER-ENCODING: CHUNKED"),
                       ("a parameter", CHUNKED + ";a=b"), ("an empty element", "Transfer-Encoding: , chunked"),
                       ("quotes", 'Transfer-Encoding: "chunked"'), ("a NUL", "Transfer-Encoding: chunked\x00"),
                       ("a name over two lines", "Transfer-Encoding\r\n : chunked"), ("a soft hyphen", "Transfer\xad-Encoding: chunked")):
        yield "CL and TE, " + name, post(length(ended), text) + ended, REFUSED
    yield "CL and Transfer_Encoding", post(length(ended), "Transfer_Encoding: chunked") + ended, ONE
    yield "chunked on HTTP/1.0", post(CHUNKED, "Connection: keep-alive", version="1.0") + ended, REFUSED
    yield "HTTP/1.0 kept alive, then another", get("Connection: keep-alive", line=get().split("\r\n")[0][:-1] + "0") + inside, TWO

    for form in ("+%d", "%d, 0", "%d,%%d", "0x%x", "%d.0", "%de0", "-%d", "%d\x0b", "%d x", '"%d"', "%d;"):
        text = form.replace("%%d", str(len(inside))) % len(inside)
        yield "Content-Length: " + repr(form.replace("%%d", "N").replace("%d", "N").replace("%x", "N")), post("Content-Length: " + text) + inside, REFUSED
    yield "Content-Length with leading zeros", post(length(inside, "000%d")) + inside, ONE
    yield "Content-Length between blanks", post(length(inside, "  %d \t ")) + inside, ONE
    yield "two Content-Lengths, 0 first", post("Content-Length: 0", length(inside)) + inside, REFUSED
    yield "two Content-Lengths, 0 last", post(length(inside), "Content-Length: 0") + inside, REFUSED
    yield "Content_Length besides 0", post("Content-Length: 0", length(inside).replace("-", "_")) + inside, TWO
    yield "Content-Length folded", post("Content-Length:\r\n " + str(len(inside))) + inside, REFUSED
    yield "Content-Length beyond 64 bits", post("Content-Length: 18446744073709551616") + inside, REFUSED
    yield "a GET with a body", get(length(inside)) + inside, ONE
    yield "a GET with a chunked body", get(CHUNKED) + chunk, ONE
    yield "Connection: Content-Length", post(length(inside), "Connection: Content-Length") + inside, ONE
    yield "Connection: Transfer-Encoding", post(CHUNKED, "Connection: Transfer-Encoding") + chunk, ONE
    yield "Expect: 100-continue, and the body at once", post(length(inside), "Expect: 100-continue") + inside, ONE
    yield "Upgrade: h2c", get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk") + inside, TWO

    size = len(inside)
    for form in ("+%x", "-%x", "0x%x", " %x", "%x ", "%x\t", "%x_0", "%xg", "ffffffffffffffff%x", "1%016x", ""):
        text = form % size if form else ""
        yield ("chunk size %r" % form.replace("%016x", "N").replace("%x", "N"),
               post(CHUNKED) + "%s\r\n%s\r\n0\r\n\r\n" % (text, inside), REFUSED)
    yield "chunk size with leading zeros", post(CHUNKED) + "0000000%x\r\n%s\r\n0\r\n\r\n" % (size, inside), ONE
    yield "chunk extension", post(CHUNKED) + "%x;a=b\r\n%s\r\n0;c\r\n\r\n" % (size, inside), ONE
    yield "chunk extension with a bare LF", post(CHUNKED) + "%x;a\n%s\r\n0\r\n\r\n" % (size, inside), REFUSED
    yield ("chunk extension that hides a chunk's end", post(CHUNKED) + "2;\nxx\r\n%x\r\n0\r\n\r\n%s\r\n0\r\n\r\n" % (size + 5, inside),
           REFUSED)
    yield "chunk size and a bare LF", post(CHUNKED) + "%x\n%s\n0\n\n" % (size, inside), REFUSED
    yield "chunk size and a bare CR", post(CHUNKED) + "%x\r%s\r\n0\r\n\r\n" % (size, inside), REFUSED
    yield "a chunk longer than it says", post(CHUNKED) + "1\r\nxx\r\n0\r\n\r\n" + inside, REFUSED
    yield "a trailer that says a length", post(CHUNKED) + "0\r\nContent-Length: %d\r\n\r\n" % size + inside, TWO
    yield "a trailer that ends by a bare LF", post(CHUNKED) + "0\r\nX-A: b\n\r\n" + inside, REFUSED

    yield "two Hosts", get("Host: other.test") + inside, REFUSED
    yield "Host with a blank before the colon", get("Host : other.test") + inside, REFUSED
    yield "no Host", get(host=False) + inside, REFUSED
    yield "absolute-form for another Host", get(line="GET http://other.test/v1/sessions/%s HTTP/1.1" % names.outer[0]), ONE
    yield "folded header", get("X-A: b\r\n X-B: c") + inside, REFUSED
    yield "NUL in a header", get("X-A: b\x00c") + inside, REFUSED
    yield "a header without a colon", get("X-A") + inside, REFUSED
    yield "bare LF line ends", get(end="\n") + inside, REFUSED
    yield "bare CR line ends", get(end="\r") + inside, REFUSED
    yield "HTTP/0.9", "GET /v1/sessions/%s\r\n" % names.outer[0] + inside, REFUSED
    line = get().split("\r\n")[0]
    yield "several blanks in the request line", get(line=line.replace(" ", "  ")) + inside, REFUSED
    yield "tabs in the request line", get(line=line.replace(" ", "\t")) + inside, REFUSED
    yield "a blank behind the request line", get(line=line + " ") + inside, REFUSED
    yield "a blank before the request line", get(line=" " + line) + inside, REFUSED
    yield "HTTP/1.1 in small letters", get(line=line.replace("HTTP", "http")) + inside, REFUSED
    yield "HTTP/1.10", get(line=line + "0") + inside, REFUSED
    yield "HTTP/2.0", get(line=line[:-3] + "2.0") + inside, REFUSED
    yield "a method in small letters", get(line=line.replace("GET", "get")) + inside, TWO
    yield "an empty line before the request", "\r\n" + get() + inside, REFUSED
    for path in ("/v1/sessions/%2e%2e/authorize", "/v1/sessions/../authorize", "/v1/sessions/..%2fauthorize",
                 "/v1/sessions/..\\authorize", "/v1/%61uthorize", "/v1/sessions/..;/authorize", "//v1/authorize",
                 "/v1/sessions/%252e%252e/authorize", "/v1/sessions/x%0d%0aX-A:%20b", "/v1/sessions/%00"):
        yield "path " + path, get(line="GET %s HTTP/1.1" % path), ONE
