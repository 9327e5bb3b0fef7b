"""What the peer scripts share: the work to do, read from a file that bench/ wrote, and one line of JSON for each figure.

The work comes as token ids, so that every system does the same: {"rows": [{"tokens": […], "labels": […] (training only, -100 = no loss)}]}.
"""
import json
import platform
import resource
import sys
import time


def read_rows(path, limit=None):
    with open(path) as file:
        return json.load(file)["rows"][:limit]


def report(system, metric, unit, value, **details):
    print(json.dumps(dict(system=system, metric=metric, unit=unit, value=value, details=details)), flush=True)


def report_peak_memory(system, **details):
    """The largest resident set of this process since it started, loading included."""
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if platform.system() == "Darwin" else 1)
    report(system, "peak memory", "MiB", round(kibibytes / 1024, 1), **details)


class Stopwatch:
    def __init__(self):
        self.start = time.perf_counter()

    def seconds(self):
        return time.perf_counter() - self.start


def say(text):
    print(text, file=sys.stderr, flush=True)
