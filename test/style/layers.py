#!/usr/bin/env python3
"""The house rules that a machine can check. Prints TAP.

Includes point downwards only; the core includes nothing that does I/O; the code has the form that
.clang-format gives it; no file is larger than a person reads in one sitting."""
import os
import re
import subprocess
import sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Each room, and the rooms that it may know.
ROOMS = {
    "base": set(),
    "core": {"base"},
    "store": {"base", "core"},
    "content": {"base", "core"},
    "conf": {"base"},
    "topology": {"base", "core", "conf"},
    "pki": {"base"},
    "http": {"base"},
    "link": {"base", "core", "http", "topology"},
    "pool": {"base", "content", "core", "store", "conf", "topology", "pki", "http", "link"},
    "cmdlet": {"base", "http", "pki"},
    "user": {"base", "content", "store", "pool"},
    "web": {"base", "content", "core", "store", "topology", "http", "pool", "user"},
    "admin": {"base", "content", "core", "store", "topology", "http", "link", "pool", "user", "cmdlet"},
}

# The core reads no clock, starts no thread, opens nothing: these are all that it needs.
CORE_BASE = {"base/bytes.h", "base/count.h", "base/error.h", "base/memory.h", "base/fqdn.h",
             "base/timespan.h"}
CORE_SYSTEM = {"assert.h", "inttypes.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h",
               "stdlib.h", "string.h", "strings.h", "xxhash.h", "zstd.h"}
CORE_CALLS = re.compile(r"\b(f?printf|puts|fopen|open|read|write|time|clock_gettime|rand|random"
                        r"|getenv|pthread_\w+|malloc_\w+)\s*\(")

# Above it a file has two ideas, or one that is not yet understood. Nobody reads a table from top to
# bottom: a longer one has more rows, and still one idea.
LINES_MAX, TABLE_LINES_MAX = 700, 1500

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def sources():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h", "*.def"],
                         cwd=TREE, capture_output=True, text=True, check=True).stdout
    return sorted(path for path in out.split() if os.path.exists(os.path.join(TREE, path)))


def text(path):
    with open(os.path.join(TREE, path), encoding="utf-8") as file:
        return file.read()


def includes_point_downwards():
    for path in sources():
        parts = path.split("/")
        if parts[0] != "src" or len(parts) < 3:
            continue
        room = parts[1]
        if room not in ROOMS:
            yield f"{path}: the room {room} is not in the table of test/style/layers.py"
            continue
        for kind, name in INCLUDE.findall(text(path)):
            other = name.split("/")[0]
            if kind == '"' and other != room and other not in ROOMS[room]:
                yield f"{path}: includes {name}, but {room} may not know {other}"


def the_core_does_no_io():
    for path in sources():
        if not path.startswith("src/core/"):
            continue
        body = text(path)
        for kind, name in INCLUDE.findall(body):
            if kind == "<" and name not in CORE_SYSTEM:
                yield f"{path}: includes <{name}>"
            if kind == '"' and name.startswith("base/") and name not in CORE_BASE:
                yield f"{path}: includes {name}"
        code = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
        for call in CORE_CALLS.findall(code):
            yield f"{path}: calls {call}()"


def the_code_has_its_form():
    files = [path for path in sources() if not path.endswith(".def")]
    done = subprocess.run(["clang-format-14", "--dry-run", *files], cwd=TREE,
                          capture_output=True, text=True)
    for line in done.stderr.splitlines():
        if "warning:" in line or "error:" in line:
            yield line + " (make format)"


def no_file_is_too_long_to_read():
    for path in sources():
        lines = text(path).count("\n")
        most = TABLE_LINES_MAX if path.endswith(".def") else LINES_MAX
        if path.startswith("src/") and lines > most:
            yield f"{path}: {lines} lines"


def every_file_says_what_it_is_for():
    """A header or a program begins with a comment; what a .c file implements, its header says."""
    for path in sources():
        if not path.startswith("src/") or path.endswith(".def"):
            continue
        beside = os.path.splitext(path)[0] + ".h"
        if path.endswith(".c") and os.path.exists(os.path.join(TREE, beside)):
            continue
        if not text(path).startswith("/*"):
            yield f"{path}: does not say what it is for"


def nothing_is_left_open():
    for path in sources():
        for number, line in enumerate(text(path).splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
                yield f"{path}:{number}: {line.strip()}"


CHECKS = [includes_point_downwards, the_core_does_no_io, the_code_has_its_form,
          no_file_is_too_long_to_read, every_file_says_what_it_is_for, nothing_is_left_open]

print(f"1..{len(CHECKS)}")
failed = 0
for number, check in enumerate(CHECKS, 1):
    faults = list(check())
    failed += bool(faults)
    print(f"{'not ok' if faults else 'ok'} {number} - {check.__name__.replace('_', ' ')}")
    for fault in faults:
        print(f"# {fault}")
sys.exit(1 if failed else 0)
