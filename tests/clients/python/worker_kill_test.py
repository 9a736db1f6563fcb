"""Kills a worker with 1,000 tasks in flight and starts another: nothing is lost, and nothing is
recorded twice. worker_kill_test.py ADDRESS"""

import collections
import pathlib
import subprocess
import sys
import time

import grpc
from taskforge.v1 import bus_service_pb2, bus_service_pb2_grpc
from taskforge.v1 import task_service_pb2, task_service_pb2_grpc
from taskforge.v1 import types_pb2 as types
from taskforge.v1 import worker_service_pb2, worker_service_pb2_grpc

FINISHED, IN_FLIGHT = 200, 1000
TIMEOUT_S = 120
BATCH = 100
TERMINAL = ("succeeded", "failed", "cancelled", "expired")
SENTINEL = "kill-test.end"  # Published last, so that what came before it has come.


def start_worker(address, name, mode):
    script = pathlib.Path(__file__).parent / "worker_kill_worker.py"
    return subprocess.Popen([sys.executable, str(script), address, name, mode])


def wait_for_worker(workers, name, condition):
    """Waits until the worker's state, as the server sees it, meets the condition."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        for worker in workers.ListWorkers(worker_service_pb2.ListWorkersRequest()).workers:
            if worker.name == f"workers/{name}" and condition(worker):
                return
        time.sleep(0.02)
    raise AssertionError(f"{name} did not come so far in {TIMEOUT_S} s")


def submit(tasks, prefix, count, text):
    """Submits over one stream, and returns the names of the accepted tasks."""

    def batches():
        for start in range(0, count, BATCH):
            items = []
            for number in range(start, min(start + BATCH, count)):
                task = types.Task(handler="kill-test", input=types.Payload(text_data=text))
                request = task_service_pb2.SubmitTaskRequest(task=task, task_id=f"{prefix}-{number}")
                items.append(task_service_pb2.SubmitItem(correlation_id=number, request=request))
            yield task_service_pb2.SubmitTasksRequest(items=items)

    names = set()
    for response in tasks.SubmitTasks(batches(), timeout=TIMEOUT_S):
        for ack in response.acks:
            assert ack.code == 0, ack
            names.add(ack.name)
    assert len(names) == count, (len(names), count)
    return names


def collect_ends(bus, stream, names):
    """Counts the events of tasks' ends, by task, until each has had one, and a little longer."""
    ends = collections.Counter()
    told = False
    for response in stream:
        for delivery in response.deliveries:
            assert not delivery.HasField("missed"), "the test's own subscription was too slow"
            if delivery.event.topic == SENTINEL:
                stream.cancel()
                return ends
            ends[delivery.event.task.name] += 1
        if ends.keys() >= names and not told:
            told = True
            time.sleep(1)  # What is recorded twice would be published twice.
            event = bus_service_pb2.Event(topic=SENTINEL)
            bus.Publish(bus_service_pb2.PublishRequest(events=[event]), timeout=TIMEOUT_S)
    raise AssertionError("the subscription ended")


def check(tasks, names, ends):
    outputs = collections.Counter()
    for name in names:
        task = tasks.GetTask(task_service_pb2.GetTaskRequest(name=name))
        if task.state == types.TASK_STATE_SUCCEEDED:
            outputs[task.output.text_data] += 1
    lost = len(names) - sum(outputs.values()) + len(names - ends.keys())
    twice = sum(count - 1 for count in ends.values())
    print(f"by worker: {dict(outputs)}; lost {lost}, recorded twice {twice}")
    assert (lost, twice) == (0, 0)
    assert outputs == {"first": FINISHED, "second": IN_FLIGHT}, outputs


def main():
    address = sys.argv[1]
    running = []
    with grpc.insecure_channel(address) as channel:
        tasks = task_service_pb2_grpc.TaskServiceStub(channel)
        workers = worker_service_pb2_grpc.WorkerServiceStub(channel)
        bus = bus_service_pb2_grpc.BusServiceStub(channel)
        filters = [f"task.default.{state}.kill-test" for state in TERMINAL] + [SENTINEL]
        request = bus_service_pb2.SubscribeRequest(filters=filters, max_events=65536)
        stream = bus.Subscribe(request, timeout=2 * TIMEOUT_S)
        assert next(stream).subscription
        try:
            running.append(start_worker(address, "first", "hang"))
            wait_for_worker(workers, "first", lambda worker: worker.credit > 0)
            names = submit(tasks, "done", FINISHED, "")
            wait_for_worker(workers, "first", lambda worker: worker.finished == FINISHED)
            names |= submit(tasks, "hanging", IN_FLIGHT, "hang")
            wait_for_worker(workers, "first", lambda worker: worker.in_flight == IN_FLIGHT)
            running[0].kill()
            running.append(start_worker(address, "second", "answer"))
            check(tasks, names, collect_ends(bus, stream, names))
        finally:
            for worker in running:
                worker.kill()
                worker.wait()


if __name__ == "__main__":
    main()
