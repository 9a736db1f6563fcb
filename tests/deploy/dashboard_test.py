#!/usr/bin/env python3
"""Every expression of the dashboard and every recording rule answers.

Usage: dashboard_test.py ROOT TASKFORGED TASKFORGE. Starts the server, has Debian's Prometheus scrape
it while it works, and asks Prometheus each expression; an empty answer is a failure. promtool has
to be content with what the server exports.
"""
import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

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


def put_load(taskforge, grpc, folder, until):
    """The main job over a few files, again and again, and some calls that fail, until told."""
    for number in range(20):
        (folder / f"file{number}").write_text(f"line {number}\n" * 200, encoding="utf-8")
    while not until():
        job = subprocess.run([taskforge, "main-job", "--server", grpc, str(folder)],
                             capture_output=True, text=True, timeout=TIMEOUT_S)
        if job.returncode != 0:
            sys.exit(f"the load failed: {job.stdout}{job.stderr}")


def check_metrics(text):
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    problems = (done.stdout + done.stderr).strip()
    if done.returncode != 0 or problems:
        return [f"promtool check metrics: {line}" for line in problems.splitlines()]
    return []


def main():
    root, taskforged, taskforge = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ready = folder / "ready"
        stack.enter_context(running("taskforged", folder / "server.log", taskforged, "serve", "--ready-file",
                                    str(ready), "--grpc-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"))
        wait_for("ready-file of taskforged", ready.exists)
        address = json.loads(ready.read_text(encoding="utf-8"))
        write_config(root, folder, address["admin"])
        port = free_port()
        stack.enter_context(running(
            "prometheus", folder / "prometheus.log", "prometheus", f"--config.file={folder}/prometheus.yaml",
            f"--storage.tsdb.path={folder}/tsdb", f"--web.listen-address=127.0.0.1:{port}"))
        prometheus = Prometheus(port)
        wait_for("Prometheus", prometheus.is_ready)

        load = folder / "load"
        load.mkdir()
        scrapes = "count_over_time(up{job='taskforge'}[1m])"
        put_load(taskforge, address["grpc"], load,
                 lambda: any(float(r["value"][1]) >= SCRAPES_NEEDED for r in prometheus.query(scrapes)))

        asked = 0
        failures = check_metrics(get(f"http://{address['admin']}/metrics"))
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
