"""The worker of worker_kill_test.py: answers with its name; tasks that say `hang` it may never end."""

import sys
import time

from taskforge_worker import Worker

address, name, may_hang = sys.argv[1], sys.argv[2], sys.argv[3] == "hang"
worker = Worker(address, credit=2000, worker_id=name)


@worker.handler("kill-test")
def work(task):
    if may_hang and task.input.text_data == "hang":
        time.sleep(3600)
    return name


worker.run()
