"""A runner of jobs that knows no torch: it runs the program's text and leaves what the program put into ``answer``."""

import sys
import time


def prepare():
    pass


def run(job):
    if job.path:
        sys.path.insert(0, job.path.rpartition("/")[0])
    space = {"__name__": "__main__", "job": job, "time": time}
    exec(compile(job.code, "<program>", "exec"), space)
    return str(space.get("answer", "")).encode()
