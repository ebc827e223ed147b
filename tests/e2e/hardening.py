#!/usr/bin/env python3
"""Whether a program has the hardening of a release; ends with 1 and names what it lacks.

usage: hardening.py BINARY     looks at a program
       hardening.py --self     looks at small programs, each built without one thing: that this must be what it names
"""

import os
import platform
import re
import subprocess
import sys
import tempfile


def output(*command):
    env = dict(os.environ, LC_ALL="C")
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env, timeout=120).stdout


def lacks(binary):
    """Names what the program lacks."""
    header = output("readelf", "-hW", binary)
    segments = output("readelf", "-lW", binary)
    dynamic = output("readelf", "-dW", binary)
    symbols = output("readelf", "-W", "--dyn-syms", binary)
    stack = re.search(r"^\s*GNU_STACK\s.*", segments, re.M)
    found = {
        "PIE": re.search(r"Type:\s+DYN", header) and re.search(r"\(FLAGS_1\).*\bPIE\b", dynamic),
        "RELRO": re.search(r"^\s*GNU_RELRO\s", segments, re.M),
        "BIND_NOW": re.search(r"\((FLAGS|FLAGS_1)\).*\b(BIND_NOW|NOW)\b", dynamic),
        "a stack that is no code": stack and not re.search(r"\sRWE\s", stack.group()),
        "segments that are writable or code, never both": not re.search(r"^\s*LOAD\s.*\sRWE\s", segments, re.M),
        "no path of the builder's to libraries": not re.search(r"\((RPATH|RUNPATH)\)", dynamic),
        "stack protector": re.search(r"\b__stack_chk_fail\b", symbols),
        "FORTIFY": re.search(r"\b__\w+_chk\b", symbols.replace("__stack_chk", "")),
    }
    landing = {"x86_64": r"\bendbr64\b", "aarch64": r"\b(paciasp|bti\s+j?c)\b"}.get(platform.machine())
    if landing is not None and compiler_has_branch_protection():
        code = output("objdump", "-d", "--no-show-raw-insn", "--disassemble=main", binary)
        first = re.search(r"<main>:\n\s*\S+:\s*(.*)", code)
        found["branch protection (CET)"] = first and re.search(landing, first.group(1))
    return [name for name, there in found.items() if not there]


def compiler_has_branch_protection():
    flag = {"x86_64": "-fcf-protection=full", "aarch64": "-mbranch-protection=standard"}[platform.machine()]
    command = [os.environ.get("CC", "cc"), "-Werror", flag, "-x", "c", "-fsyntax-only", "/dev/null"]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


PROGRAM = """
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv)
{
    char text[16];
    strcpy(text, argv[argc - 1]);
    return puts(text) == EOF;
}
"""

WHOLE = {
    "PIE": ["-fPIE", "-pie"],
    "RELRO": ["-Wl,-z,relro"],
    "BIND_NOW": ["-Wl,-z,now"],
    "a stack that is no code": ["-Wl,-z,noexecstack"],
    "no path of the builder's to libraries": [],
    "stack protector": ["-fstack-protector-strong"],
    "FORTIFY": ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"],
    "branch protection (CET)": {"x86_64": ["-fcf-protection=full"], "aarch64": ["-mbranch-protection=standard"]}.get(
        platform.machine(), []
    ),
}

WITHOUT = {
    "PIE": ["-fno-PIE", "-no-pie"],
    "RELRO": ["-Wl,-z,norelro"],
    "BIND_NOW": ["-Wl,-z,lazy"],
    "a stack that is no code": ["-Wl,-z,execstack"],
    "no path of the builder's to libraries": ["-Wl,-rpath,/opt/lib"],
    "stack protector": ["-fno-stack-protector"],
    "FORTIFY": ["-U_FORTIFY_SOURCE"],
    "branch protection (CET)": {"x86_64": ["-fcf-protection=none"], "aarch64": ["-mbranch-protection=none"]}.get(
        platform.machine(), []
    ),
}


def build(folder, missing):
    """Builds the small program without one of the things, or with all of them."""
    binary = os.path.join(folder, "program")
    flags = [flag for name, on in WHOLE.items() for flag in (WITHOUT[name] if name == missing else on)]
    command = [os.environ.get("CC", "cc"), "-O2", "-w", *flags, "-x", "c", "-o", binary, "-"]
    subprocess.run(command, input=PROGRAM, text=True, check=True, timeout=120)
    return binary


def try_self():
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for missing in (None, *WHOLE):
            if missing is not None and not WITHOUT[missing]:
                continue
            named = lacks(build(folder, missing))
            wanted = [] if missing is None else [missing]
            good = named == wanted
            failed |= not good
            what = "a program with all of it" if missing is None else f"a program without this: {missing}; it"
            print(f"{'ok' if good else 'not ok'} - {what} lacks {named or 'nothing'}")
    return failed


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--self":
        sys.exit(try_self())
    missing = lacks(sys.argv[1])
    for name in missing:
        print(f"not ok - {sys.argv[1]} lacks: {name}")
    if not missing:
        print(f"ok - {sys.argv[1]} lacks nothing")
    sys.exit(bool(missing))


if __name__ == "__main__":
    main()
