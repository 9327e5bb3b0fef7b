# Run inside a sandbox before it is trusted: fails with the first thing that a program should not be able to do.
# A line before this source sets PORT, where a service of this machine listens, and LIMIT, the bytes that a process may have.
import ctypes, os, signal, socket, time


def refused(what, attempt, *kinds):
    try:
        attempt()
    except kinds or (OSError,):
        return
    raise AssertionError("a program in it can " + what)


libc = ctypes.CDLL(None, use_errno=True)


def unshare():
    if libc.unshare(0x10000000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def fork_many():
    """Ends its children, however many there were."""
    children = []
    try:
        for _ in range(200):
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


refused("write outside its temporary folder", lambda: open("/usr/sdft-probe", "w"))
refused("write at the root", lambda: open("/sdft-probe", "w"))
refused("see other processes", lambda: os.listdir("/proc"))
refused("become root", lambda: os.setuid(0))
refused("make namespaces of its own", unshare)
refused("take memory without limit", lambda: bytearray(LIMIT + LIMIT // 4), MemoryError)
refused("start processes without limit", fork_many)
refused("reach services of this machine", lambda: socket.create_connection(("127.0.0.1", PORT), 5).close())
assert [name for _, name in socket.if_nameindex()] in ([], ["lo"]), "a program in it sees network devices"
with open("probe", "w") as file:
    file.write("the temporary folder can be written")
