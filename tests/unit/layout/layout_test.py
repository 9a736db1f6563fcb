#!/usr/bin/env python3
"""Holds the dependency table of service/ (which folder may include what) and the form of headers.

Usage: layout_test.py ROOT. First proves on seeded violations that it can fail, then reads every
#include of ROOT/service, where a folder that is not in the table is a violation too, and the headers
and sources of service/, tools/ and tests/: the include guard is the path below these, a header
begins with a comment that says what it is, and no file grows beyond LINES_MAX.
"""
import pathlib
import re
import sys
import tempfile

CORE = {"base", "sync", "task"}
# folder -> the folders that it may include, beside itself.
FOLDERS = {
    "base": set(),
    "sync": {"base"},
    "task": {"base"},
    # Never each other: a callback or a small interface joins them.
    "pool": CORE,
    "bus": CORE,
    "store": CORE,
    "handlers": CORE,
    "queues": CORE,
    "settings": {"base", "task", "store", "queues"},
    "runner": {"base", "task", "handlers"},
    "lifecycle": {"base", "task", "store", "queues", "bus"},
    "intake": {"base", "task", "store", "queues"},
    "schedules": {"base", "task", "store"},
    "rpc": CORE | {"pool", "bus", "store", "handlers", "queues", "runner", "lifecycle", "intake",
                  "schedules"},
    "admin": {"base"},
    "metrics": CORE | {"pool", "bus", "store", "handlers", "queues", "runner", "lifecycle",
                       "intake", "schedules", "rpc"},
    "config": CORE | {"pool", "bus", "store", "handlers", "queues", "runner", "lifecycle",
                      "intake", "schedules", "rpc", "admin"},
}
# What others may see of rpc/: its options and statistics, which show nothing of gRPC.
GRPC_FREE = {"rpc/server.h", "rpc/rpc_stats.h", "rpc/access.h", "rpc/method_table.h"}
# What comes from outside -> the only folders that may see it. main.cc composes and may see all.
OUTSIDE = [
    (re.compile(r"^(grpc|grpcpp)/"), {"rpc"}, "gRPC"),
    (re.compile(r"^google/protobuf/|\.pb\.h$"), {"rpc", "store", "settings", "schedules"}, "protobuf"),
    (re.compile(r"^rocksdb/"), {"store"}, "RocksDB"),
    (re.compile(r"^prometheus/"), {"metrics"}, "prometheus-cpp"),
    (re.compile(r"^microhttpd\.h$"), {"admin"}, "libmicrohttpd"),
    (re.compile(r"^hwloc\.h$"), {"pool"}, "hwloc"),
    (re.compile(r"^spdlog/"), {"config"}, "spdlog"),
    (re.compile(r"^yaml-cpp/"), {"config"}, "yaml-cpp"),
    (re.compile(r"^CLI/"), {"config"}, "CLI11"),
]
FORBIDDEN = [
    (re.compile(r"^absl/synchronization/"), "ThreadSanitizer cannot see into it: base/mutex.h"),
    (re.compile(r"^(shared_mutex|condition_variable|semaphore)$"), "base/mutex.h or sync/"),
]
# The one file that may see what is forbidden: it switches the checks of gRPC's locks off.
MAY_SEE_FORBIDDEN = {"rpc/grpc_process.cc"}
LINES_MAX = 500
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')


def includes_of(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) or match.group(2), match.group(2) is not None


def check_include(file, header, quoted):
    """What is wrong with an #include in a file (its path below service/); None if nothing."""
    if header.startswith("."):
        return "includes are relative to service/"
    for pattern, why in FORBIDDEN:
        if pattern.search(header) and file not in MAY_SEE_FORBIDDEN:
            return f"forbidden: use {why}"
    folder = file.split("/")[0] if "/" in file else None
    target = header.split("/")[0] if "/" in header else None
    if target in FOLDERS and not quoted:
        return "our own headers are included with quotes"
    if folder is None:  # Files of service/ itself: the composition root.
        return None
    if file in GRPC_FREE and (OUTSIDE[0][0].search(header) or target == "rpc" and header not in GRPC_FREE):
        return f"{', '.join(sorted(GRPC_FREE))} show nothing of gRPC"
    for pattern, allowed, name in OUTSIDE:
        if pattern.search(header):
            return None if folder in allowed else f"only {', '.join(sorted(allowed))} may see {name}"
    if not quoted or target == "absl":
        return None
    if target is None:
        return "includes are relative to service/"
    if target in FOLDERS and target != folder and target not in FOLDERS[folder]:
        return f"{folder} may include {', '.join(sorted(FOLDERS[folder])) or 'no other folder'}"
    if target == "rpc" and folder != "rpc" and header not in GRPC_FREE:
        return f"of rpc, {folder} may include {', '.join(sorted(GRPC_FREE))}"
    return None


def code_of(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in (".h", ".cc"))


def wrong_includes(root):
    service = root / "service"
    for path in code_of(service):
        file = path.relative_to(service).as_posix()
        if "/" in file and file.split("/")[0] not in FOLDERS:
            yield f"{path.relative_to(root)}: folder {file.split('/')[0]} is not in the table"
            continue
        for number, header, quoted in includes_of(path):
            wrong = check_include(file, header, quoted)
            if wrong:
                yield f"{path.relative_to(root)}:{number}: {header}: {wrong}"


def wrong_files(root):
    for path in (p for top in ("service", "tools", "tests") for p in code_of(root / top)):
        where = path.relative_to(root)
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".h":
            guard = "TASKFORGE_" + re.sub(r"[/.]", "_", "/".join(where.parts[1:])).upper() + "_"
            if f"#ifndef {guard}\n" not in text:
                yield f"{where}: the include guard must be {guard}"
            if not text.startswith("//"):
                yield f"{where}: begins without a comment that says what it is"
        lines = text.count("\n")
        if lines > LINES_MAX:
            yield f"{where}: {lines} lines, more than {LINES_MAX}: look for a part to move out"


def violations_of(root):
    return [*wrong_includes(root), *wrong_files(root)]


HEADER = "// What it is.\n#ifndef TASKFORGE_%s_H_"
SEEDS = [  # (file, text, whether it is a violation)
    ("service/pool/a.cc", '#include "bus/bus.h"', True),
    ("service/pool/a.cc", "#include <bus/bus.h>", True),
    ("service/pool/a.cc", "#include <base/clock.h>", True),
    ("service/main.cc", "#include <base/clock.h>", True),
    ("service/bus/a.cc", '  #  include "pool/pool.h"', True),
    ("service/base/a.cc", '#include "task/priority.h"', True),
    ("service/admin/a.cc", '#include "task/priority.h"', True),
    ("service/queues/a.cc", "#include <grpcpp/grpcpp.h>", True),
    ("service/queues/a.cc", '#include "taskforge/v1/task_service.pb.h"', True),
    ("service/task/a.cc", "#include <google/protobuf/message.h>", True),
    ("service/admin/a.cc", "#include <prometheus/registry.h>", True),
    ("service/config/a.cc", '#include "rpc/convert.h"', True),
    ("service/metrics/a.cc", '#include "rpc/call.h"', True),
    ("service/rpc/server.h", HEADER % "RPC_SERVER" + '\n#include "rpc/call.h"', True),
    ("service/rpc/access.h", HEADER % "RPC_ACCESS" + "\n#include <grpcpp/grpcpp.h>", True),
    ("service/pool/a.cc", "#include <condition_variable>", True),
    ("service/pool/a.cc", '#include "absl/synchronization/mutex.h"', True),
    ("service/pool/a.cc", '#include "neighbour.h"', True),
    ("service/pool/a.cc", '#include "../bus/bus.h"', True),
    ("service/helpers/a.cc", "", True),
    ("service/pool/a.h", "// What it is.\n#ifndef POOL_H", True),
    ("service/pool/a.h", "#ifndef TASKFORGE_POOL_A_H_", True),
    ("tests/support/a.h", HEADER % "TESTS_SUPPORT_A", True),
    ("tools/cli/a.h", "#ifndef TASKFORGE_CLI_A_H_", True),
    ("tests/unit/pool/a_test.cc", "\n" * LINES_MAX, True),
    ("service/pool/a.h", HEADER % "POOL_A", False),
    ("tests/support/a.h", HEADER % "SUPPORT_A", False),
    ("tests/unit/pool/a_test.cc", "\n" * (LINES_MAX - 1), False),
    ("service/pool/a.cc", '#include "task/work.h"\n#include "pool/b.h"\n#include <sys/stat.h>', False),
    ("service/metrics/a.cc", '#include "rpc/rpc_stats.h"', False),
    ("service/rpc/a.cc", '#include <grpcpp/grpcpp.h>\n#include "intake/intake.h"', False),
    ("service/rpc/a.cc", '#include "rpc/call.h"', False),
    ("service/main.cc", '#include <grpcpp/grpcpp.h>\n#include "pool/pool.h"', False),
]


def prove_it_can_fail():
    for name, text, wrong in SEEDS:
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, name)
            path.parent.mkdir(parents=True)
            path.write_text(text + "\n", encoding="utf-8")
            found = violations_of(pathlib.Path(directory))
        if bool(found) != wrong:
            sys.exit(f"self test: {name} with {text!r}: expected {wrong}, found {found}")


def main():
    prove_it_can_fail()
    root = pathlib.Path(sys.argv[1])
    if not code_of(root / "service"):
        sys.exit(f"{root} has no service/")
    found = violations_of(root)
    print("\n".join(found) or "the dependency table holds, and the form of headers")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
