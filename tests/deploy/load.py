"""Load for a running server that makes as many of its series real as the command line can."""
import contextlib
import json
import subprocess
import sys

TIMEOUT_S = 60
THREADS = 4  # The server's pool.max_threads: so few that a round of sleepers fills it.

# What one round must have moved: name and a label that is there, or "".
MOVED = [
    ("taskforge_tasks_submitted_total", 'decision="accepted"'),
    ("taskforge_tasks_completed_total", 'state="succeeded"'),
    ("taskforge_tasks_completed_total", 'state="failed"'),
    ("taskforge_tasks_completed_total", 'state="cancelled"'),
    ("taskforge_tasks_completed_total", 'state="expired"'),
    ("taskforge_tasks_retried_total", 'handler="fail"'),
    ("taskforge_tasks_cancelled_total", 'stage="scheduled"'),
    ("taskforge_tasks_cancelled_total", 'stage="running"'),
    ("taskforge_tasks_expired_total", 'stage="queued"'),
    ("taskforge_pool_resizes_total", 'direction="grow"'),
    ("taskforge_bus_published_total", 'priority="high"'),
    ("taskforge_bus_delivered_total", ""),
    ("taskforge_bus_delivery_seconds_count", ""),
    ("taskforge_subscribers", ""),
    ("grpc_server_handled_total", 'grpc_code="NotFound"'),
]


def value_of(metrics, name, label):
    """The sum of a family's samples that have the label."""
    return sum(float(line.rsplit(" ", 1)[1]) for line in metrics.splitlines()
               if line.startswith((name + "{", name + " ")) and label in line)


def unmoved(metrics):
    return [f"{name}{{{label}}} is 0 under load" for name, label in MOVED
            if not value_of(metrics, name, label) > 0]


class Load:
    """Calls a server with the command line; `server` are the options that reach it."""

    def __init__(self, taskforge, server, folder):
        self.command = [taskforge, *server]
        self.folder = folder
        self.rounds = 0
        for number in range(20):
            (folder / f"file{number}").write_text(f"line {number}\n" * 200, encoding="utf-8")

    def call(self, *arguments, expect=0):
        done = subprocess.run([*self.command, *arguments], capture_output=True, text=True, timeout=TIMEOUT_S)
        if done.returncode != expect:
            sys.exit(f"{' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}")

    def routed(self, topic):
        """Publishes an event; to how many subscriptions it went."""
        done = subprocess.run([*self.command, "pub", topic, "x", "-o", "json"], text=True, capture_output=True,
                              check=True, timeout=TIMEOUT_S)
        return json.loads(done.stdout)["routed"][0]

    @contextlib.contextmanager
    def subscriber(self):
        """Somebody who reads what is published; live once the block runs."""
        process = subprocess.Popen([*self.command, "sub", "load.>", "-o", "jsonl"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            # Until it subscribes an event goes nowhere.
            while not self.routed("load.first"):
                if process.poll() is not None:
                    sys.exit("the subscriber ended")
            yield
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)

    def round(self):
        self.rounds += 1
        scheduled, running = f"scheduled-{self.rounds}", f"running-{self.rounds}"
        self.call("main-job", str(self.folder))
        self.call("run", "fail", expect=1)
        self.call("run", "fail", '{"attempts":1}', "--max-attempts", "2")
        self.call("submit", "sleep", "60s", "--in", "1h", "--id", scheduled)
        self.call("task", "cancel", scheduled)
        self.call("submit", "sleep", "60s", "--id", running)
        self.call("task", "cancel", running)
        self.call("task", "get", "none", expect=1)
        self.call("pub", "load.round", "x", "--priority", "high")
        # The pool is full for two rounds of sleepers, so what comes after them waits too long.
        sleeper = {"handler": "sleep", "input": {"text_data": '{"duration":"200ms","blocking":true}'}}
        tasks = self.folder.parent / "sleepers.jsonl"
        tasks.write_text((json.dumps(sleeper) + "\n") * (2 * THREADS), encoding="utf-8")
        self.call("submit", "-f", str(tasks))
        self.call("run", "echo", "--priority", "low", "--queue-timeout", "10ms", expect=1)
