"""A tour of TaskForge's API with the stock gRPC library: client.py ADDRESS."""

import sys
import threading

# [readme]
import grpc
from taskforge.v1 import task_service_pb2, task_service_pb2_grpc, types_pb2

# [/readme]
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from taskforge.v1 import bus_service_pb2, bus_service_pb2_grpc
from taskforge.v1 import types_pb2 as types

TIMEOUT_S = 30


def first_call(address):
    """Runs a task with nothing set that need not be."""
    # [readme]
    channel = grpc.insecure_channel(address)
    tasks = task_service_pb2_grpc.TaskServiceStub(channel)
    task = tasks.RunTask(task_service_pb2.RunTaskRequest(task=types_pb2.Task(
        handler="sha256", input=types_pb2.Payload(text_data="abc"),
        priority=types_pb2.PRIORITY_HIGH)))
    print(task.output.text_data)
    # [/readme]
    assert task.output.text_data.startswith("ba7816bf"), task
    channel.close()


def run(tasks):
    """Submits a task, waits for its end, and says how long it was in the queue."""
    task, rpc = tasks.RunTask.with_call(
        task_service_pb2.RunTaskRequest(
            task=types.Task(
                handler="wordcount",
                input=types.Payload(text_data="one two\nthree\n"),
                priority=types.PRIORITY_HIGH,
            )
        ),
        timeout=TIMEOUT_S,
    )
    assert task.state == types.TASK_STATE_SUCCEEDED, task
    assert '"words":3' in task.output.text_data.replace(" ", ""), task.output
    trailers = dict(rpc.trailing_metadata())
    print(f"run: {task.output.text_data} after {trailers['x-queue-us']} µs in the queue")


def submit_and_watch(tasks):
    """Submits a task and follows it to its end. Submitted twice, it is still one task."""
    request = task_service_pb2.SubmitTaskRequest(
        task=types.Task(handler="sleep", input=types.Payload(text_data="50ms")),
        request_id="python-client-1",
    )
    submitted = tasks.SubmitTask(request, timeout=TIMEOUT_S)
    again = tasks.SubmitTask(request, timeout=TIMEOUT_S)
    assert again.name == submitted.name, (again.name, submitted.name)

    states = []
    watch = task_service_pb2.WatchTaskRequest(name=submitted.name)
    for update in tasks.WatchTask(watch, timeout=TIMEOUT_S):
        states.append(types.TaskState.Name(update.task.state).removeprefix("TASK_STATE_"))
    assert states[-1] == "SUCCEEDED", states
    print("watch:", " -> ".join(states))


def publish_and_subscribe(bus):
    """Subscribes by a wildcard, publishes two events, and gets them in order."""
    stream = bus.Subscribe(
        bus_service_pb2.SubscribeRequest(filters=["orders.*.paid"]), timeout=TIMEOUT_S
    )
    assert next(stream).subscription  # From now on nothing is missed.

    def publish():
        events = [
            bus_service_pb2.Event(topic=f"orders.{n}.paid", data=types.Payload(text_data=f"{n} €"))
            for n in (17, 18)
        ]
        routed = bus.Publish(bus_service_pb2.PublishRequest(events=events), timeout=TIMEOUT_S).routed
        assert list(routed) == [1, 1], routed

    publisher = threading.Thread(target=publish)
    publisher.start()
    received = []
    for response in stream:
        received += [delivery.event.data.text_data for delivery in response.deliveries]
        if len(received) == 2:
            break
    publisher.join()
    stream.cancel()
    assert received == ["17 €", "18 €"], received
    print("subscribe:", received)


def results_over_the_bus(tasks, bus):
    """The end of every task is an event too."""
    stream = bus.Subscribe(
        bus_service_pb2.SubscribeRequest(filters=["task.default.succeeded.sha256"]),
        timeout=TIMEOUT_S,
    )
    assert next(stream).subscription
    task = types.Task(handler="sha256", input=types.Payload(binary_data=b"abc"))
    submitted = tasks.SubmitTask(task_service_pb2.SubmitTaskRequest(task=task), timeout=TIMEOUT_S)
    event = next(stream).deliveries[0].event
    stream.cancel()
    assert event.task.name == submitted.name, event
    assert event.task.output.text_data.startswith("ba7816bf"), event
    print("result over the bus:", event.topic)


def rich_error(tasks):
    """What is wrong comes with the error: the reason, and every field at once."""
    bad = types.Task(handler="Not A Handler", retry_policy=types.RetryPolicy(max_attempts=-1))
    try:
        tasks.SubmitTask(task_service_pb2.SubmitTaskRequest(task=bad), timeout=TIMEOUT_S)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
        info = error_details_pb2.ErrorInfo()
        request = error_details_pb2.BadRequest()
        for detail in rpc_status.from_call(error).details:
            for message in (info, request):
                if detail.Is(message.DESCRIPTOR):
                    detail.Unpack(message)
        fields = sorted(violation.field for violation in request.field_violations)
        assert info.domain == "taskforge" and info.reason, info
        assert fields == ["task.handler", "task.retry_policy.max_attempts"], fields
        print("error:", info.reason, fields)
        return
    raise AssertionError("a bad task was accepted")


def main():
    first_call(sys.argv[1])
    with grpc.insecure_channel(sys.argv[1]) as channel:
        tasks = task_service_pb2_grpc.TaskServiceStub(channel)
        bus = bus_service_pb2_grpc.BusServiceStub(channel)
        run(tasks)
        submit_and_watch(tasks)
        publish_and_subscribe(bus)
        results_over_the_bus(tasks, bus)
        rich_error(tasks)


if __name__ == "__main__":
    main()
