#!/usr/bin/env python3
"""Rules of the tree that no compiler checks: who may include whom, what may be used where, what must be there.

Run by ctest and by `./dev lint`; prints one line per finding and exits 1 if there is one.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Folder -> folders of ours it may include (itself always), as prefixes. storage/registry and replication see only the
# engine's public headers.
ENGINE_PUBLIC = {
    "storage/engine/store.h",
    "storage/engine/blob_store.h",
    "storage/engine/log.h",
    "storage/engine/shipping.h",
    "storage/engine/column_families.h",
    "storage/engine/collect.h",
    "storage/engine/keys.h",  # Keys are built in one place; the registry needs them to read.
}
INCLUDES = {
    "storage/base": [],
    "storage/schema": [],
    "storage/engine": ["storage/base", "storage/schema"],
    "storage/registry": ["storage/base", "storage/schema", *ENGINE_PUBLIC],
    "replication": ["storage/base", "storage/schema", "storage/engine/journal_truncate.h", *ENGINE_PUBLIC],
    "migrate/couch_file": ["storage/base", "migrate/couch/document_visitor.h", "migrate/couch/shasums.h"],
    "migrate": ["storage/base", "storage/registry"],
    "http/parser": ["storage/base"],
    "http/net": ["storage/base", "http/parser"],
    "http/api": ["storage/base", "storage/registry", "http/parser", "http/net"],
    "http/peer": ["storage/base", "storage/engine/store.h", "storage/engine/shipping.h", "replication", "http/parser",
                  "http/net", "http/api"],
    # The composition root: joins the parts, as main.cc does.
    "http/cli": ["storage", "http", "migrate", "replication"],
}

# Third-party header -> (folders that may include it, whether headers of ours may).
THIRD_PARTY = {
    r"rocksdb/": (["storage/engine"], False),
    r"flatbuffers/": (["storage/engine", "storage/registry"], True),  # Generated headers are headers.
    r"boost/asio": (["http/net", "replication"], True),
    r"llhttp\.h": (["http/parser"], False),
    r"simdjson\.h": (["storage/registry", "http/api", "migrate", "replication"], False),
    r"zstd\.h": (["storage/base"], False),
    r"xxhash\.h": (["storage/base", "storage/engine"], False),
    r"zlib\.h": (["storage/base", "storage/registry", "http/api", "migrate/couch_file"], False),
    r"openssl/": (["storage/base"], False),
    r"curl/": (["storage/base"], False),
    r"sodium": (["storage/base", "storage/registry"], False),
    r"crypt\.h": (["storage/registry"], False),
    r"spdlog/": (["storage/base"], False),
    r"toml\+\+/": (["http/cli"], False),
    r"CLI/": (["http/main.cc"], False),
    r"gtest/|gmock/": (["storage/testing"], True),
    r"benchmark/": ([], False),
}

# Identifier -> folders or files where it may stand: everywhere else its seam is used instead.
BANNED = {
    r"\bstd::mutex\b|\bstd::lock_guard\b|\bstd::condition_variable\b": ["storage/base/mutex.h"],
    r"\bstd::chrono::(system|steady)_clock\b|\bclock_gettime\b|\btime\(nullptr\)": ["storage/base/clock.cc", "http/net"],
    r"\bstd::random_device\b|\bgetrandom\b|\brand\(\)": ["storage/base/random.cc"],
    r"\bfsync\(|\bfdatasync\(|\bpwritev?\(": ["storage/base/file_system.cc"],
    r"\bstd::cout\b|\bstd::cerr\b": [],
    r"\bTODO\b(?!\((soon|perf|test|security)\):)": [],
    r"\busing namespace std\b": [],
}

README_FOLDERS = ["storage", "http", "migrate", "replication", "bench", "fuzz", "tests/integration"]
FILE_LINES_MAX = 800


def tracked():
    out = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                         capture_output=True, text=True).stdout
    return [pathlib.PurePosixPath(line) for line in out.splitlines() if (ROOT / line).is_file()]


def folder_of(path):
    for folder in sorted(INCLUDES, key=len, reverse=True):
        if str(path).startswith(folder + "/"):
            return folder
    return None


def is_test(path):
    return re.search(r"(_test|_bench|_fuzz)\.cc$|_for_test\.h$|_(harness|fixture|test_journal)\.(h|cc)$|(^|/)(testing|tests|bench|fuzz)(/|\.|$)|_testing\.", str(path)) is not None


def allowed_anywhere(path, places):
    return any(str(path) == place or str(path).startswith(place + "/") for place in places)


def check_includes(path, number, line, report):
    own = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
    folder = folder_of(path)
    if own and folder and not is_test(path):
        target = own.group(1)
        generated = target.endswith("_generated.h")
        permitted = [folder, *INCLUDES[folder]]
        if not generated and not any(target == p or target.startswith(p + "/") for p in permitted):
            report(f"{path}:{number}: {folder} may not include {target}")
    foreign = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
    if foreign and not is_test(path):
        for pattern, (places, in_headers) in THIRD_PARTY.items():
            if not re.match(pattern, foreign.group(1)):
                continue
            if not allowed_anywhere(path, places):
                report(f"{path}:{number}: <{foreign.group(1)}> may not be included here")
            elif path.suffix == ".h" and not in_headers:
                report(f"{path}:{number}: <{foreign.group(1)}> belongs in a .cc file")


def check_banned(path, number, line, report):
    if is_test(path):
        return
    code = line.split("//")[0]
    for pattern, places in BANNED.items():
        text = line if "TODO" in pattern else code
        if re.search(pattern, text) and not allowed_anywhere(path, places):
            report(f"{path}:{number}: {re.search(pattern, text).group(0)} is used outside of its seam")


def main():
    findings = []
    report = findings.append
    files = tracked()
    names = {str(path) for path in files}
    for path in files:
        if path.suffix not in (".h", ".cc"):
            continue
        text = (ROOT / path).read_text(encoding="utf-8")
        lines = text.splitlines()
        if path.suffix == ".h" and "#pragma once" not in text:
            report(f"{path}:1: no #pragma once")
        if len(lines) > FILE_LINES_MAX:
            report(f"{path}: {len(lines)} lines; split it (at most {FILE_LINES_MAX})")
        for number, line in enumerate(lines, 1):
            check_includes(path, number, line, report)
            check_banned(path, number, line, report)
    for folder in README_FOLDERS:
        if f"{folder}/README.md" not in names:
            report(f"{folder}/README.md is missing")
    for finding in findings:
        print(finding)
    print(f"tidy: {len(files)} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
