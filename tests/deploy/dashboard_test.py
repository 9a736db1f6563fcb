#!/usr/bin/env python3
"""Every expression of the dashboard and every recording rule answers, and no alert asks for a metric
that the server does not have.

Usage: dashboard_test.py ROOT TASKFORGED TASKFORGE. Starts the server, has Debian's Prometheus scrape
it while it works, and asks Prometheus each expression; an empty answer is a failure. promtool has
to be content with what the server exports.
"""
import contextlib
import json
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import load
import yaml

SCRAPE_INTERVAL_S = 1
RATE_INTERVAL = "10s"  # What Grafana puts for $__rate_interval: a few scrapes.
SCRAPES_NEEDED = 6     # Under load, before anything is asked.
TIMEOUT_S = 60


def wait_for(what, condition):
    """Polls until `condition` is true, and returns what it returned."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        time.sleep(0.1)
    sys.exit(f"no {what} within {TIMEOUT_S} s")


@contextlib.contextmanager
def running(name, log, *command):
    """A process that is ended with the block; its log is shown if the block fails."""
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield process
    except BaseException:
        tail = pathlib.Path(log).read_text(errors="replace")[-3000:]
        print(f"--- end of the log of {name}:\n{tail}", file=sys.stderr)
        raise
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus:
    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"

    def is_ready(self):
        try:
            return "Ready" in get(self.url + "/-/ready")
        except OSError:
            return False

    def query(self, expression):
        answer = json.loads(get(self.url + "/api/v1/query?" + urllib.parse.urlencode({"query": expression})))
        if answer["status"] != "success":
            sys.exit(f"{expression}: {answer}")
        return answer["data"]["result"]


def write_config(root, folder, admin):
    shutil.copy(root / "deploy/prometheus/taskforge.rules.yaml", folder)
    (folder / "prometheus.yaml").write_text(f"""
global: {{scrape_interval: {SCRAPE_INTERVAL_S}s, evaluation_interval: {SCRAPE_INTERVAL_S}s}}
rule_files: [taskforge.rules.yaml]
scrape_configs:
  - job_name: taskforge
    static_configs: [{{targets: ["{admin}"]}}]
""", encoding="utf-8")


def expressions_of(root):
    dashboard = json.loads((root / "deploy/grafana/dashboards/taskforge.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"].replace("$__rate_interval", RATE_INTERVAL)
            yield panel["title"], expression.replace("$job", ".+").replace("$instance", ".+")


def records_of(prometheus):
    groups = json.loads(get(prometheus.url + "/api/v1/rules?type=record"))["data"]["groups"]
    return [rule["name"] for group in groups for rule in group["rules"]]


def names_in(expression):
    """The metrics and recorded series that an expression reads."""
    without_labels = re.sub(r"\{[^}]*\}|\b(by|on|without)\s*\([^)]*\)", "", expression)
    words = re.findall(r"[A-Za-z_:][\w:]*", without_labels)
    return {w for w in words if ":" in w or re.match(r"(taskforge|grpc|process)_", w)}


def missing_metrics(rules, exported):
    """What rules read that `exported`, the text of /metrics, does not have: such an alert is dead."""
    names = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", exported, re.M):
        names |= {name + s for s in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    every = [rule for group in rules["groups"] for rule in group["rules"]]
    names |= {rule["record"] for rule in every if "record" in rule}
    return [f"{rule.get('alert') or rule['record']}: there is no metric {name}"
            for rule in every for name in sorted(names_in(rule["expr"]) - names)]


def prove_that_it_finds_them():
    exported = "# TYPE taskforge_a_seconds histogram\n# TYPE taskforge_b_total counter\n"
    good = "x:y:rate / on (job) sum by (le) (rate(taskforge_a_seconds_bucket{le=\"1\"}[5m])) > taskforge_b_total"
    rules = lambda expression: {"groups": [{"rules": [{"record": "x:y:rate", "expr": "taskforge_b_total"},
                                                      {"alert": "A", "expr": expression}]}]}
    assert missing_metrics(rules(good), exported) == []
    for bad in ("taskforge_c_total", "taskforge_b", "taskforge_a_seconds", "taskforge_b_total_count", "x:z:rate"):
        assert missing_metrics(rules(f"rate({bad}[5m])"), exported) == [f"A: there is no metric {bad}"], bad


def check_metrics(text):
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    problems = (done.stdout + done.stderr).strip()
    if done.returncode != 0 or problems:
        return [f"promtool check metrics: {line}" for line in problems.splitlines()]
    return []


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-days", "30", "-subj", "/CN=taskforge", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")],
                   check=True, capture_output=True, timeout=60)


def main():
    root, taskforged, taskforge = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    prove_that_it_finds_them()
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ready = folder / "ready"
        make_certificate(folder)
        stack.enter_context(running("taskforged", folder / "server.log", taskforged, "serve", "--ready-file",
                                    str(ready), "--data-dir", str(folder / "data"),
                                    "--grpc-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0",
                                    "--tls-certificate-file", str(folder / "certificate.pem"),
                                    "--tls-key-file", str(folder / "key.pem"),
                                    "--pool-max-threads", str(load.THREADS)))
        wait_for("ready-file of taskforged", ready.exists)
        address = json.loads(ready.read_text(encoding="utf-8"))
        write_config(root, folder, address["admin"])
        port = free_port()
        stack.enter_context(running(
            "prometheus", folder / "prometheus.log", "prometheus", f"--config.file={folder}/prometheus.yaml",
            f"--storage.tsdb.path={folder}/tsdb", f"--web.listen-address=127.0.0.1:{port}"))
        prometheus = Prometheus(port)
        wait_for("Prometheus", prometheus.is_ready)

        files = folder / "load"
        files.mkdir()
        caller = load.Load(taskforge, ["--server", address["grpc"], "--tls-ca", str(folder / "certificate.pem")], files)
        stack.enter_context(caller.subscriber())
        scrapes = "count_over_time(up{job='taskforge'}[1m])"
        while not any(float(r["value"][1]) >= SCRAPES_NEEDED for r in prometheus.query(scrapes)):
            caller.round()

        asked = 0
        metrics = get(f"http://{address['admin']}/metrics")
        failures = check_metrics(metrics) + load.unmoved(metrics)
        rules = yaml.safe_load((root / "deploy/prometheus/taskforge.rules.yaml").read_text(encoding="utf-8"))
        failures += missing_metrics(rules, metrics)
        for title, expression in expressions_of(root):
            asked += 1
            if not prometheus.query(expression):
                failures.append(f"panel \"{title}\" is empty: {expression}")
        for record in records_of(prometheus):
            asked += 1
            # Two evaluations after the last scrape that it needs.
            deadline = time.monotonic() + 10
            while not prometheus.query(record) and time.monotonic() < deadline:
                time.sleep(0.2)
            if not prometheus.query(record):
                failures.append(f"recording rule is empty: {record}")
    print("\n".join(failures) or f"{asked} expressions answer")
    sys.exit(1 if failures or asked == 0 else 0)


if __name__ == "__main__":
    main()
