#!/usr/bin/env python3
"""Runs a command under what a unit of systemd's says of system calls, without systemd.

usage: confine.py UNIT COMMAND [ARGUMENT…]

Takes over SystemCallFilter=, SystemCallErrorNumber=, SystemCallArchitectures=native, RestrictAddressFamilies=,
NoNewPrivileges= and, where the kernel can (6.3), MemoryDenyWriteExecute=. What the unit doesn't allow fails as it
would under systemd.
"""

import ctypes
import errno
import os
import platform
import re
import struct
import subprocess
import sys

AUDIT_ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17}

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 22, 38, 65
SECCOMP_MODE_FILTER = 2
RET_KILL, RET_ERRNO, RET_ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # BPF: ld abs, jeq, jge, ret
NUMBER, ARCH, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data


def settings(unit):
    """Each setting's values in the order of the unit."""
    found = {}
    with open(unit, encoding="utf-8") as file:
        for line in file:
            name, equals, value = line.strip().partition("=")
            if equals and not name.startswith(("#", ";")):
                found.setdefault(name, []).append(value)
    return found


def sets_of_calls():
    """What is in systemd's sets, by name; sets may name sets."""
    sets, members = {}, []
    for line in subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter"], check=True, capture_output=True, text=True, timeout=60
    ).stdout.splitlines():
        word = line.strip()
        if line.startswith("@"):
            members = sets.setdefault(word, [])
        elif word and not word.startswith("#"):
            members.append(word)
    return sets


def calls_of(word, sets):
    if not word.startswith("@"):
        return {word}
    return set().union(*(calls_of(member, sets) for member in sets[word]))


def allowed_calls(filters):
    """The names that a unit's SystemCallFilter= lines let through; the first must be a list of what is allowed."""
    sets, allowed = sets_of_calls(), calls_of("@default", sets_of_calls())
    assert filters and not filters[0].startswith("~"), "the first SystemCallFilter= must say what is allowed"
    for line in filters:
        calls = set().union(*(calls_of(word, sets) for word in line.removeprefix("~").split()))
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    return allowed


def numbers():
    """The numbers of system calls here, by name."""
    macros = subprocess.run(
        ["cc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    return {name: int(number) for name, number in re.findall(r"^#define __NR_(\w+) (\d+)$", macros, re.M)}


def program(unit):
    """The filter as instructions of BPF: (code, to skip where true, to skip where false, operand)."""
    known = numbers()
    allowed = sorted(known[name] for name in allowed_calls(unit["SystemCallFilter"]) if name in known)
    families = [FAMILIES[name] for name in unit["RestrictAddressFamilies"][-1].split()]
    refused = RET_ERRNO | getattr(errno, unit["SystemCallErrorNumber"][-1])
    code = [(LOAD, 0, 0, ARCH), (EQUAL, 1, 0, AUDIT_ARCHES[platform.machine()]), (RETURN, 0, 0, RET_KILL)]
    code += [(LOAD, 0, 0, NUMBER), (AT_LEAST, 0, 1, 0x40000000), (RETURN, 0, 0, refused)]  # x32's numbers
    code += [(EQUAL, 0, 2 + 2 * len(families), known["socket"]), (LOAD, 0, 0, FIRST_ARGUMENT)]
    for family in families:
        code += [(EQUAL, 0, 1, family), (RETURN, 0, 0, RET_ALLOW)]
    code += [(RETURN, 0, 0, RET_ERRNO | errno.EAFNOSUPPORT)]
    for number in allowed:
        code += [(EQUAL, 0, 1, number), (RETURN, 0, 0, RET_ALLOW)]
    return code + [(RETURN, 0, 0, refused)]


def confine(unit):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4

    def prctl(*arguments):
        if libc.prctl(*arguments, *[0] * (5 - len(arguments))) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    instructions = b"".join(struct.pack("=HBBI", *instruction) for instruction in program(unit))
    text = ctypes.create_string_buffer(instructions, len(instructions))
    head = struct.pack("@HP", len(instructions) // 8, ctypes.addressof(text))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    if unit.get("MemoryDenyWriteExecute") == ["yes"]:
        try:
            prctl(PR_SET_MDWE, 1)
        except OSError:
            print("confine.py: the kernel knows no PR_SET_MDWE", file=sys.stderr)
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(ctypes.create_string_buffer(head, len(head))))


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    unit = settings(sys.argv[1])
    confine(unit)
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
