#!/usr/bin/env python3
"""Holds the dependency table of service/: which folder may include what.

Usage: layout_test.py ROOT. First proves on seeded violations that it can fail, then reads every
#include of ROOT/service. A folder that is not in the table is a violation too.
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
    "runner": {"base", "task", "handlers"},
    "lifecycle": {"base", "task", "store", "queues", "bus"},
    "intake": {"base", "task", "store", "queues"},
    "rpc": CORE | {"pool", "bus", "store", "handlers", "queues", "runner", "lifecycle", "intake"},
    "admin": {"base", "task"},
    "metrics": CORE | {"pool", "bus", "store", "handlers", "queues", "runner", "lifecycle",
                       "intake", "rpc"},
    "config": CORE | {"pool", "bus", "store", "handlers", "queues", "runner", "lifecycle",
                      "intake", "rpc", "admin", "metrics"},
}
# What comes from outside -> the only folders that may see it. main.cc composes and may see all.
OUTSIDE = [
    (re.compile(r"^(grpc|grpcpp|google/protobuf)/|\.pb\.h$"), {"rpc"}, "gRPC and protobuf"),
    (re.compile(r"^prometheus/"), {"metrics"}, "prometheus-cpp"),
    (re.compile(r"^microhttpd\.h$"), {"admin"}, "libmicrohttpd"),
    (re.compile(r"^spdlog/"), {"config"}, "spdlog"),
    (re.compile(r"^yaml-cpp/"), {"config"}, "yaml-cpp"),
    (re.compile(r"^CLI/"), {"config"}, "CLI11"),
]
FORBIDDEN = [
    (re.compile(r"^absl/synchronization/"), "ThreadSanitizer cannot see into it: base/mutex.h"),
    (re.compile(r"^(shared_mutex|condition_variable|semaphore)$"), "base/mutex.h or sync/"),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')


def includes_of(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) or match.group(2), match.group(2) is not None


def check_include(folder, header, quoted):
    """What is wrong with an #include in a folder; None if nothing."""
    if header.startswith("."):
        return "includes are relative to service/"
    for pattern, why in FORBIDDEN:
        if pattern.search(header):
            return f"forbidden: use {why}"
    if folder is None:  # Files of service/ itself: the composition root.
        return None
    for pattern, allowed, name in OUTSIDE:
        if pattern.search(header):
            return None if folder in allowed else f"only {', '.join(sorted(allowed))} may see {name}"
    if not quoted or header.startswith("absl/"):
        return None
    target = header.split("/")[0] if "/" in header else None
    if target is None:
        return "includes are relative to service/"
    if target in FOLDERS and target != folder and target not in FOLDERS[folder]:
        return f"{folder} may include {', '.join(sorted(FOLDERS[folder])) or 'no other folder'}"
    return None


def violations_of(root):
    service = root / "service"
    found = []
    for path in sorted(p for p in service.rglob("*") if p.suffix in (".h", ".cc")):
        parts = path.relative_to(service).parts
        folder = parts[0] if len(parts) > 1 else None
        where = path.relative_to(root)
        if folder is not None and folder not in FOLDERS:
            found.append(f"{where}: folder {folder} is not in the table")
            continue
        for number, header, quoted in includes_of(path):
            wrong = check_include(folder, header, quoted)
            if wrong:
                found.append(f"{where}:{number}: {header}: {wrong}")
        if path.suffix == ".h":
            guard = "TASKFORGE_" + re.sub(r"[/.]", "_", "/".join(parts)).upper() + "_"
            if f"#ifndef {guard}" not in path.read_text(encoding="utf-8"):
                found.append(f"{where}: the include guard must be {guard}")
    return found


SEEDS = [  # (file, text, whether it is a violation)
    ("pool/a.cc", '#include "bus/bus.h"', True),
    ("bus/a.cc", '  #  include "pool/pool.h"', True),
    ("base/a.cc", '#include "task/priority.h"', True),
    ("queues/a.cc", "#include <grpcpp/grpcpp.h>", True),
    ("queues/a.cc", '#include "taskforge/v1/task_service.pb.h"', True),
    ("task/a.cc", "#include <google/protobuf/message.h>", True),
    ("admin/a.cc", "#include <prometheus/registry.h>", True),
    ("pool/a.cc", "#include <condition_variable>", True),
    ("pool/a.cc", '#include "absl/synchronization/mutex.h"', True),
    ("pool/a.cc", '#include "neighbour.h"', True),
    ("pool/a.cc", '#include "../bus/bus.h"', True),
    ("helpers/a.cc", "", True),
    ("pool/a.h", "#ifndef POOL_H", True),
    ("pool/a.h", "#ifndef TASKFORGE_POOL_A_H_", False),
    ("pool/a.cc", '#include "task/work.h"\n#include "pool/b.h"\n#include <mutex>', False),
    ("rpc/a.cc", '#include <grpcpp/grpcpp.h>\n#include "intake/intake.h"', False),
    ("main.cc", '#include <grpcpp/grpcpp.h>\n#include "pool/pool.h"', False),
]


def prove_it_can_fail():
    for name, text, wrong in SEEDS:
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "service", name)
            path.parent.mkdir(parents=True)
            path.write_text(text + "\n", encoding="utf-8")
            found = violations_of(pathlib.Path(directory))
        if bool(found) != wrong:
            sys.exit(f"self test: {name} with {text!r}: expected {wrong}, found {found}")


def main():
    prove_it_can_fail()
    found = violations_of(pathlib.Path(sys.argv[1]))
    print("\n".join(found) or "the dependency table holds")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
