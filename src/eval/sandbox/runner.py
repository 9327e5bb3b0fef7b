"""Runs one program inside the sandbox and says how it ended: one JSON object a line on descriptor 3.

Reads {program, folder, user, limits, token} as JSON from standard input. `token` marks our lines among what the program may write there.
"""

import errno
import json
import os
import resource
import sys
import traceback

# What the sandbox answers to an attempt at what it doesn't allow.
REFUSALS = {
    getattr(errno, name)
    for name in "EPERM EACCES EROFS EAGAIN ENETUNREACH ENETDOWN ECONNREFUSED EADDRNOTAVAIL ENOSPC EDQUOT EFBIG EMFILE".split()
}


def main():
    request = json.loads(sys.stdin.buffer.read())
    # An empty entry is the current folder, where the program writes.
    sys.path[:] = [path for path in sys.path if path]
    if request["user"] is not None:
        os.setgroups([])
        os.setresgid(request["user"], request["user"], request["user"])
        os.setresuid(request["user"], request["user"], request["user"])
    os.chdir(request["folder"])
    for name, value in request["limits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    tell(request["token"], event="start")
    run(request["program"], request["token"])


def run(program, token):
    process = os.getpid()
    try:
        outcome, detail = "passed", None
        exec(compile(program, "<program>", "exec"), {})
    except MemoryError:
        outcome, detail = "memory", "MemoryError"
    except BaseException as error:
        outcome, detail = ("refused" if is_refusal(error) else "failed"), describe(error)
    # A child that the program made and let run on says nothing.
    if os.getpid() == process:
        tell(token, event="end", outcome=outcome, detail=detail)
    os._exit(0)


def is_refusal(error):
    return isinstance(error, OSError) and (error.errno in REFUSALS or type(error).__name__ == "gaierror")


def describe(error):
    """The error's last line, and the line of the program where it arose."""
    try:
        text = traceback.format_exception_only(type(error), error)[-1].strip()
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<program>"]
    except BaseException:
        return type(error).__name__
    return (text[:300] + " (line %d)" % lines[-1]) if lines else text[:300]


def tell(token, **event):
    os.write(3, (json.dumps(dict(event, token=token)) + "\n").encode())


main()
