"""Shuts itself into namespaces and a file system of its own, then becomes the interpreter that runs one program.

Needs no rights but those that user namespaces give. Its only argument is a JSON object, written by sandbox.ts.
Where a step is refused it writes {"event": "unavailable", "reason": …} to descriptor 3 and ends; it never goes on half confined.
"""

import ctypes
import json
import os
import re
import signal
import sys

CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
# What a mount option is as a flag: a remount must repeat those that the outer system has locked.
OPTION_FLAGS = {"ro": 1, "nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1024, "nodiratime": 2048, "relatime": 1 << 21}
MNT_DETACH = 2

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38

# The id of the program inside; outside, root's sandbox has the same one, and anyone else's has their own.
NOBODY = 65534

libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """A step of the confinement that this system refuses."""


def main():
    config = json.loads(sys.argv[1])
    die_with(config["parent"])
    try:
        for group in config["groups"]:
            write(os.path.join(group, "cgroup.procs"), "0")
        if config["method"] == "bubblewrap":
            # Root's own limits would bind nobody: it goes on as one id among those of a user namespace.
            if config["root"]:
                enter_namespaces(CLONE_NEWUSER, True)
            os.execvp(config["command"][0], config["command"])
        enter_namespaces(
            CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP,
            config["root"],
        )
        build_file_system(config["readable"], config["temporaryBytes"])
    except (Unavailable, OSError) as error:
        report = json.dumps({"event": "unavailable", "reason": str(error)})
        os.write(3, (report + "\n").encode())
        os._exit(1)
    os._exit(run_as_first_process(config["command"], config["environment"]))


def die_with(parent):
    check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        os._exit(1)


def enter_namespaces(flags, root):
    """Root maps itself and one powerless id, which takes a helper outside; anyone else may map only themselves."""
    if root:
        helper, go, done = start_mapper(os.getpid())
    user, group = os.getuid(), os.getgid()
    check(libc.unshare(flags), "a user namespace can't be made (unshare)")
    if root:
        os.write(go, b"1")
        mapped = os.read(done, 1)
        os.waitpid(helper, 0)
        if mapped != b"1":
            raise Unavailable("the ids of a user namespace can't be mapped")
    else:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", "%d %d 1" % (NOBODY, user))
        write("/proc/self/gid_map", "%d %d 1" % (NOBODY, group))
    # In a namespace of its own a program would have rights again, such as mounting a temporary folder without limit.
    write("/proc/sys/user/max_user_namespaces", "0")
    check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")


def start_mapper(pid):
    """A child that stays outside and writes the maps of `pid` when told to."""
    go_read, go_write = os.pipe()
    done_read, done_write = os.pipe()
    helper = os.fork()
    if helper == 0:
        os.close(go_write)
        os.close(done_read)
        try:
            if os.read(go_read, 1) == b"1":
                ids = "0 0 1\n%d %d 1\n" % (NOBODY, NOBODY)
                write("/proc/%d/uid_map" % pid, ids)
                write("/proc/%d/gid_map" % pid, ids)
                os.write(done_write, b"1")
        finally:
            os._exit(0)
    os.close(go_read)
    os.close(done_write)
    return helper, go_write, done_read


def build_file_system(readable, temporary_bytes):
    """A root that holds the readable paths, five devices and an empty /tmp, and nothing else that can be written."""
    mount("none", "/", None, MS_REC | MS_PRIVATE, None)
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
    os.mkdir("/tmp/new")
    os.mkdir("/tmp/old")
    mount("/tmp/new", "/tmp/new", None, MS_BIND, None)
    os.chdir("/tmp")
    pivot_root(".", "old")
    os.chdir("/")
    for entry in readable:
        place(entry)
    for name in ("null", "zero", "full", "random", "urandom"):
        place({"path": "/dev/" + name, "from": "/dev/" + name, "link": None})
    os.mkdir("/new/tmp")
    options = "mode=1777,size=%d,nr_inodes=4096" % temporary_bytes
    seal("/new")
    mount("tmpfs", "/new/tmp", "tmpfs", MS_NOSUID | MS_NODEV, options)
    mount("none", "/old", None, MS_REC | MS_PRIVATE, None)
    check(libc.umount2(b"/old", MNT_DETACH), "umount")
    os.chdir("/new")
    pivot_root(".", ".")
    check(libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/tmp")


def place(entry):
    source, target = "/old" + entry["from"], "/new" + entry["path"]
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if entry["link"] is not None:
        os.symlink(entry["link"], target)
        return
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    mount(source, target, None, MS_BIND | MS_REC, None)


def seal(root):
    """Every mount below becomes read-only; flags that it has already are kept."""
    with open("/old/proc/self/mountinfo") as file:
        lines = [line.split() for line in file]
    for fields in lines:
        path = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[4])
        if path != root and not path.startswith(root + "/"):
            continue
        flags = MS_RDONLY | MS_NOSUID
        for option in fields[5].split(","):
            flags |= OPTION_FLAGS.get(option, 0)
        if not path.startswith(root + "/dev/"):
            flags |= MS_NODEV
        mount("none", path, None, MS_REMOUNT | MS_BIND | flags, None)


def run_as_first_process(command, environment):
    """The status of the command. The first process of the namespace only waits; with its end the kernel ends all others."""
    first = os.fork()
    if first == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        program = os.fork()
        if program == 0:
            check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
            os.execve(command[0], command, environment)
        while True:
            pid, status = os.wait()
            if pid == program:
                os._exit(exit_status(status))
    return exit_status(os.waitpid(first, 0)[1])


def exit_status(status):
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def mount(source, target, kind, flags, options):
    arguments = [None if text is None else text.encode() for text in (source, target, kind, options)]
    result = libc.mount(arguments[0], arguments[1], arguments[2], ctypes.c_ulong(flags), arguments[3])
    check(result, "mounting %s" % target)


def pivot_root(new, old):
    check(libc.syscall(155 if os.uname().machine == "x86_64" else 41, new.encode(), old.encode()), "pivot_root")


def write(path, text):
    try:
        with open(path, "w") as file:
            file.write(text)
    except OSError as error:
        raise Unavailable("%s can't be written (%s)" % (path, error.strerror)) from error


def check(result, what):
    if result != 0:
        raise Unavailable("%s: %s" % (what, os.strerror(ctypes.get_errno())))


main()
