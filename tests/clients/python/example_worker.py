"""The handler `reverse`, in Python: example_worker.py ADDRESS."""
# [readme]
import sys
from taskforge_worker import Worker

worker = Worker(sys.argv[1])

@worker.handler("reverse")
def reverse(task):
    return task.input.text_data[::-1]

worker.run()
# [/readme]
