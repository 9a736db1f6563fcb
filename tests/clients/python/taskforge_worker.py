"""A worker for TaskForge: a decorated function is a handler.

    worker = Worker("127.0.0.1:7480")

    @worker.handler("reverse")
    def reverse(task):
        return task.input.text_data[::-1]

    worker.run()

A handler gets the Task and returns text, bytes or a Payload; what it raises is the task's error.
"""

import logging
import queue
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from taskforge.v1 import types_pb2, worker_service_pb2, worker_service_pb2_grpc

RECONNECT_S = (0.1, 5.0)  # The first wait, and the longest.

class Failure(Exception):
    """Ends a task with this reason."""

    def __init__(self, reason, message="", retryable=False):
        super().__init__(message)
        self.reason, self.retryable = reason, retryable


class Worker:
    def __init__(self, address, threads=4, credit=64, worker_id="", token=None):
        self._address, self._credit, self._worker_id = address, credit, worker_id
        self._metadata = [("authorization", f"Bearer {token}")] if token else []
        self._pool = ThreadPoolExecutor(threads)
        self._handlers = {}

    def handler(self, name):
        return lambda function: self._handlers.setdefault(name, function)

    def run(self):
        """Serves for ever: after a lost connection it connects again."""
        wait = RECONNECT_S[0]
        while True:
            started = time.monotonic()
            try:
                self._serve()
            except grpc.RpcError as error:
                logging.warning("connection lost: %s %s", error.code().name, error.details())
            if time.monotonic() - started > RECONNECT_S[1]:
                wait = RECONNECT_S[0]  # It had served for a while: begin afresh.
            time.sleep(wait * random.uniform(0.5, 1))
            wait = min(wait * 2, RECONNECT_S[1])

    def _serve(self):
        """One connection, until it ends. What was assigned on it is not answered on another."""
        outbox = queue.SimpleQueue()  # Of WorkRequest; None ends the stream.
        hello = worker_service_pb2.WorkerHello(worker_id=self._worker_id, handlers=self._handlers)
        outbox.put(worker_service_pb2.WorkRequest(hello=hello, credit=self._credit))
        ended = threading.Event()
        with grpc.insecure_channel(self._address) as channel:
            stub = worker_service_pb2_grpc.WorkerServiceStub(channel)
            try:
                for response in stub.Work(iter(outbox.get, None), metadata=self._metadata):
                    if response.HasField("welcome"):
                        lease = response.welcome.lease_duration.ToTimedelta().total_seconds()
                        beat = (outbox, ended, lease / 3)
                        threading.Thread(target=self._heartbeat, args=beat, daemon=True).start()
                    for assignment in response.assignments:
                        self._pool.submit(self._work, assignment, outbox, ended)
                    for fence in response.refused:
                        logging.info("refused: %s, attempt %d", fence.task, fence.attempt)
            finally:
                ended.set()
                outbox.put(None)

    def _heartbeat(self, outbox, ended, interval_s):
        while not ended.wait(interval_s):
            outbox.put(worker_service_pb2.WorkRequest(heartbeat=worker_service_pb2.WorkerHeartbeat()))

    def _work(self, assignment, outbox, ended):
        if ended.is_set():
            return  # Its lease went with the connection: it runs elsewhere.
        result = worker_service_pb2.AssignmentResult(fence=assignment.fence)
        try:
            output = self._handlers[assignment.task.handler](assignment.task)
            if isinstance(output, bytes):
                output = types_pb2.Payload(binary_data=output)
            elif not isinstance(output, types_pb2.Payload):
                output = types_pb2.Payload(text_data=str(output))
            result.output.CopyFrom(output)
        except Exception as error:  # Whatever a handler raises is its task's failure, not ours.
            result.error.code = grpc.StatusCode.UNKNOWN.value[0]
            result.error.reason = getattr(error, "reason", "EXCEPTION")
            result.error.message = str(error)[:500]
            result.error.retryable = getattr(error, "retryable", True)
        outbox.put(worker_service_pb2.WorkRequest(results=[result], credit=1))
