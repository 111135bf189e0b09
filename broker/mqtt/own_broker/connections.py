"""How many devices the bridge's own broker can hold: by [limits] connections, and by what the machine lets a process
have open."""

import resource

MOST_FILES = 65_536  # a child that closes all it could have inherited would take long over a billion
OTHERS = 32  # who connects beside the plan's devices: the bridge, the guard, who reads along, a bench in the workshop
OWN_FILES = 32  # what a broker has open itself


def files_allowed() -> int:
    """How many files and connections this process, and its broker, may have open at most, within reason."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)


def may_open_files() -> None:
    """Raise how many this process may have open to what is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = files_allowed()
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def too_few(devices: int, connections: int, files: int) -> list[str]:
    """What a person must change before all devices of a plan can be connected at once."""
    found, needs = [], devices + OTHERS
    if connections < needs:
        found.append(
            f"[limits] connections: {connections} are too few, the plan has {devices} trucks and rooms, and who comes "
            f"last is turned away; set {needs} or more"
        )
    if files < needs + OWN_FILES:
        found.append(
            f"a process may have {files} files open here, the plan has {devices} trucks and rooms with a connection "
            f"each, and who comes last is turned away; allow {needs + OWN_FILES} or more (LimitNOFILE= of a service, "
            "the hard limit of `ulimit -n` of a shell)"
        )
    return found
