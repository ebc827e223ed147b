#!/usr/bin/env python3
"""Whether Redis 6.2 knows every command, option and Lua function that the store uses.

usage: redis_6_2.py SOURCE_DIR

Reads the scripts and the C code of gateway/store, and compares what they send with
redis_6_2_commands.txt; that list is itself compared with what the installed server (GATEWAY_TEST_REDIS, else
redis-server) says of when each command and option was added. Options are seen where they are literals.
"""

import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

LIST = pathlib.Path(__file__).with_name("redis_6_2_commands.txt")
START_S = 20  # a server that hasn't answered by then never will

# What 6.2 gives to scripts beside Lua 5.1's own. The libraries that a script could name are the keys.
LUA = {
    "redis": "call pcall error_reply status_reply sha1hex log setresp replicate_commands set_repl breakpoint debug"
    " LOG_DEBUG LOG_VERBOSE LOG_NOTICE LOG_WARNING REPL_NONE REPL_AOF REPL_SLAVE REPL_REPLICA REPL_ALL".split(),
    "cjson": "encode decode null new encode_sparse_array encode_max_depth decode_max_depth encode_number_precision"
    " encode_keep_buffer encode_invalid_numbers decode_invalid_numbers".split(),
    "cmsgpack": ["pack", "unpack"],
    "struct": ["pack", "unpack", "size"],
    "bit": "tobit tohex bnot band bor bxor lshift rshift arshift rol ror bswap".split(),
    "os": ["clock"],
    "server": [],
}

# First words of 6.2's errors: what C code may name in capitals that isn't part of a command.
ERRORS = (
    "MOVED ASK TRYAGAIN CROSSSLOT CLUSTERDOWN NOSCRIPT LOADING BUSY BUSYKEY BUSYGROUP MASTERDOWN MISCONF READONLY"
    " NOAUTH WRONGPASS NOPERM OOM EXECABORT NOREPLICAS WRONGTYPE NOGROUP UNKILLABLE NOTBUSY NOPROTO"
).split()

TEXT = r'"(?:[^"\\\n]|\\.)*"' + r"|'(?:[^'\\\n]|\\.)*'"


def read_list():
    """{command: options}"""
    commands = {}
    for line in LIST.read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, options = line.partition(":")
            commands[name] = options.split()
    return commands


def judge(words, commands):
    """What 6.2 doesn't know of a command; words that aren't literals are None."""
    if not words or words[0] is None:
        return "which command this is can't be read: write it as a literal"
    name, arguments = words[0].upper(), words[1:]
    if name not in commands:
        return f"Redis 6.2 has no {name}"
    if any(other.startswith(name + " ") for other in commands) and arguments:
        if arguments[0] is None:
            return f"which {name} this is can't be read: write it as a literal"
        name, arguments = f"{name} {arguments[0].upper()}", arguments[1:]
        if name not in commands:
            return f"Redis 6.2 has no {name}"
    if name in ("EVAL", "EVALSHA"):
        return None  # what follows is the script's own
    for word in arguments:
        if word and re.fullmatch(r"[A-Za-z]+", word) and word.upper() not in commands[name]:
            return f"Redis 6.2's {name} has no {word}"
    return None


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def without_comments(text, comment):
    """The same text with spaces for comments."""
    return re.sub(f"({TEXT})|({comment})", lambda m: m.group() if m.group(1) else blank(m), text, flags=re.S)


def arguments_at(text, start):
    """The arguments of the call whose parenthesis opens at start, as they are written."""
    found, depth, begin = [], 0, start + 1
    for match in re.compile(TEXT + r"|[][(){},]").finditer(text, start):
        token = match.group()
        if token in ("(", "[", "{"):
            depth += 1
        elif token in (")", "]", "}"):
            depth -= 1
        if (token == "," and depth == 1) or depth == 0:
            found.append(text[begin : match.start()].strip())
            begin = match.end()
        if depth == 0:
            break
    return found


def literal(argument):
    return argument[1:-1] if re.fullmatch(TEXT, argument) else None


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def check_lua(text, commands):
    """[(line, complaint)] and the commands found."""
    complaints, found = [], []
    if text.startswith("#!"):
        complaints.append((1, "Redis 6.2 takes a script's first line for Lua: #! is newer"))
    text = without_comments(text, r"--[^\n]*")
    for match in re.finditer(r"\bredis\.p?call\b\s*(\(?)", text):
        words = [literal(a) for a in arguments_at(text, match.end() - 1)] if match.group(1) else []
        complaint = judge(words, commands)
        if complaint:
            complaints.append((line_of(text, match.start()), complaint))
        else:
            found.append(words[0].upper())
    for match in re.finditer(r"(?<![\w.])(\w+)\.(\w+)", re.sub(TEXT, blank, text)):
        library, name = match.groups()
        if library in LUA and name not in LUA[library]:
            complaints.append((line_of(text, match.start()), f"Redis 6.2's scripts have no {library}.{name}"))
    for match in re.finditer(r"\berror\s*\(\s*\{", text):
        complaints.append((line_of(text, match.start()), "Redis 6.2 can't report a table: raise it as expect_type.lua does"))
    return complaints, found


def commands_in_c(text):
    """[(position, words)] of the commands that C code sends, and the positions of the literals in them."""
    sent, taken = [], set()

    def take(begin, end):
        taken.update(m.start() for m in re.compile(TEXT).finditer(text, begin, end))

    # resp_command(…), then resp_text(…) and the like to the end of the function or the next command.
    for match in re.finditer(r"\bresp_command\(&?\w+[^;{]*;", text):
        end = re.compile(r"\bresp_command\(|^\}|\Z", re.M).search(text, match.end()).start()
        calls = list(re.compile(r"\b(?:resp_(?:text|bytes|int|key)|add_\w+)\(").finditer(text, match.end(), end))
        words = []
        for call in calls:
            arguments = arguments_at(text, call.end() - 1)
            words.append(literal(arguments[1]) if call.group() == "resp_text(" and len(arguments) == 2 else None)
        if calls and arguments_at(text, calls[0].end() - 1)[1].startswith("words["):
            continue  # a function that is given its words; its callers are read below
        sent.append((match.start(), words))
        for call in calls:
            take(call.start(), text.index(";", call.end()))
    # (const char *[]){"AUTH", password}
    for match in re.finditer(r"\(const char \*(?:const )?\[\]\)\s*\{([^}]*)\}", text):
        words = arguments_at(text, match.end() - len(match.group(1)) - 2)
        sent.append((match.start(), [literal(w) for w in words]))
        take(match.start(), match.end())
    # redisAsyncCommand(…, "AUTH %s", password)
    for match in re.finditer(r"\bredis(?:Async|Append)?Command\(", text):
        formats = [literal(a) for a in arguments_at(text, match.end() - 1)]
        format_ = next((f for f in formats if f is not None), "%s")
        sent.append((match.start(), [None if "%" in word else word for word in format_.split()]))
        take(match.end(), text.index(";", match.end()))
    return sent, taken


def check_c(text, commands):
    """[(line, complaint)] and the commands found."""
    text = without_comments(text, r"/\*.*?\*/|//[^\n]*")
    complaints, found = [], []
    sent, taken = commands_in_c(text)
    for at, words in sent:
        complaint = judge(words, commands)
        if complaint:
            complaints.append((line_of(text, at), complaint))
        else:
            found.append(words[0].upper())
    # Nothing that looks like a part of a command is passed over.
    for match in re.finditer(r'"([A-Z][A-Z-]+)"', text):
        if match.start() not in taken and match.group(1) not in ERRORS:
            complaints.append((line_of(text, match.start()), f"{match.group(1)}: of which command this is can't be read"))
    return complaints, found


# What must be refused, and what mustn't: the checks' own test.
SAMPLES = [
    (check_lua, "redis.call('EXPIRE', KEYS[1], 5, 'GT')", "6.2's EXPIRE has no GT"),
    (check_lua, "redis.pcall(\n 'lcs', a, b)", "no LCS"),
    (check_lua, "redis.call('OBJECT', 'FREQ', f(a, 'GT'))", None),
    (check_lua, "redis.call('CLUSTER', 'SHARDS')", "no CLUSTER SHARDS"),
    (check_lua, "redis.call(name, KEYS[1])", "can't be read"),
    (check_lua, "#!lua flags=no-writes\nreturn 1", "#!"),
    (check_lua, "return redis.REDIS_VERSION", "no redis.REDIS_VERSION"),
    (check_lua, "return server.call('GET', KEYS[1])", "no server.call"),
    (check_lua, "error({err = 'WRONGTYPE'})", "can't report a table"),
    (check_lua, "-- redis.call('LCS')\nreturn redis.call('SET', 'EXPIRE GT', '(', 'PX', 5, 'KEEPTTL')", None),
    (check_lua, "redis.call('GETEX', KEYS[1], 'PXAT', 5)", None),
    (check_c, 'resp_command(out, 2);\nresp_text(out, "EXPIRETIME");\nadd_key(f, out);\n}\n', "no EXPIRETIME"),
    (check_c, 'resp_command(out, 3);\nresp_text(out, "SET");\nadd_key(f, out);\nresp_text(out, "PXX");\n}\n', "no PXX"),
    (check_c, 'resp_command(out, 1);\nresp_text(out, name);\n}\n', "can't be read"),
    (check_c, 'send(link, 2, (const char *[]){"CLUSTER", "SHARDS"});', "no CLUSTER SHARDS"),
    (check_c, 'redisAsyncCommand(ac, fn, p, "SSUBSCRIBE %s", x);', "no SSUBSCRIBE"),
    (check_c, 'static const char *const word = "SPUBLISH";', "can't be read"),
    (check_c, 'if (is_error(reply, "NOSCRIPT")) /* "LCS" */\n    f("x", (const char *[]){"AUTH", user});', None),
]


def check_samples(commands):
    for check, text, expected in SAMPLES:
        complaints = [complaint for _, complaint in check(text, commands)[0]]
        fits = any(expected in c for c in complaints) if expected else not complaints
        if not fits:
            yield f"{pathlib.Path(__file__).name}: of {text!r} it says {complaints}"


def check_sources(root, commands):
    used = set()
    scripts = sorted((root / "gateway/store/scripts").rglob("*.lua"))
    sources = sorted((root / "gateway/store").glob("*.c"))
    for check, files in ((check_lua, scripts), (check_c, sources)):
        count = 0
        for file in files:
            complaints, found = check(file.read_text(), commands)
            yield from (f"{file.relative_to(root)}:{line}: {complaint}" for line, complaint in complaints)
            used.update(found)
            count += len(found)
        if count == 0:
            yield f"{root}: no command was found by {check.__name__}"
        print(f"{check.__name__}: {count} commands in {len(files)} files")
    print("used: " + " ".join(sorted(used)))


# ---- the list against a server ----


class Server:
    """A server of our own on a unix socket; ended with the with statement."""

    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory()
        path = os.path.join(self.folder.name, "redis.sock")
        self.process = subprocess.Popen(
            [program, "--port", "0", "--unixsocket", path, "--dir", self.folder.name, "--save", ""],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        give_up = time.monotonic() + START_S
        while True:
            try:
                connection = socket.socket(socket.AF_UNIX)
                connection.settimeout(START_S)
                connection.connect(path)
                break
            except OSError:
                connection.close()
                if self.process.poll() is not None or time.monotonic() > give_up:
                    self.__exit__()
                    raise SystemExit(f"{program} doesn't start")
                time.sleep(0.005)
        self.connection, self.stream = connection, connection.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def ask(self, *words):
        self.connection.sendall(b"".join(
            [b"*%d\r\n" % len(words)] + [b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words]))
        return self.reply()

    def reply(self):
        kind, rest = self.stream.read(1), self.stream.readline()[:-2].decode()
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        if kind == b"$":
            return None if rest == "-1" else self.stream.read(int(rest) + 2)[:-2].decode()
        if kind == b"-":
            raise SystemExit(f"the server said: {rest}")
        return rest


def pairs(flat):
    return dict(zip(flat[::2], flat[1::2]))


def is_newer(version):
    return tuple(int(part) for part in version.split(".")[:2]) > (6, 2)


def newer_options(documented):
    """The options of a command that were added after 6.2, as its documentation says it in two ways."""
    newer = set()

    def look(arguments):
        for argument in map(pairs, arguments):
            if is_newer(argument.get("since", "0.0")):
                newer.update(filter(None, [argument.get("token")]))
            look(argument.get("arguments", []))

    look(documented.get("arguments", []))
    for version, what in documented.get("history", []):
        if is_newer(version) and what.startswith("Added"):
            newer.update(word.replace("_", "").upper() for word in re.findall(r"`(\w+)`", what))
    return newer


def check_list(program, commands):
    documented = {}

    def walk(docs):
        for name, doc in pairs(docs).items():
            documented[name.upper().replace("|", " ")] = pairs(doc)
            walk(pairs(doc).get("subcommands", []))

    with Server(program) as server:
        walk(server.ask("COMMAND", "DOCS"))
    for name, options in commands.items():
        doc = documented.get(name)
        if doc is None:
            continue  # a sentinel's, or gone since
        if is_newer(doc["since"]):
            yield f"{LIST.name}: {name} came with {doc['since']}"
        for option in newer_options(doc).intersection(options):
            yield f"{LIST.name}: {name} {option} is newer than 6.2"
    known = sum(name in documented for name in commands)
    print(f"check_list: {known} of {len(commands)} commands compared with the server's own documentation")
    if known < 200:
        yield f"{LIST.name}: the server documents {known} of its commands alone"


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    commands = read_list()
    complaints = [*check_samples(commands), *check_sources(pathlib.Path(sys.argv[1]), commands)]
    program = os.environ.get("GATEWAY_TEST_REDIS") or "redis-server"
    try:
        complaints += check_list(program, commands)
    except FileNotFoundError:
        if os.environ.get("GATEWAY_NO_SKIP") == "1":
            complaints.append(f"there is no {program} to be run, and GATEWAY_NO_SKIP=1")
        print(f"there is no {program}: the list was compared with no server")
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
