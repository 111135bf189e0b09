"""What is raised about people: who may not do something, and a file of roles that cannot be read."""


class PeopleError(Exception):
    """Base of what can go wrong with people; the text says what to do next."""


class Denied(PeopleError, PermissionError):  # noqa: N818 - the name says what is so
    """This person may not do that; the text says who may and how to become one."""


class TooSoon(PeopleError):  # noqa: N818 - the name says what is so
    """Another log-in right after several wrong ones; `wait_s` says when the next is taken."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"too many wrong log-ins from this address: try again in {wait_s} s")
        self.wait_s = wait_s


class BadRoles(PeopleError, ValueError):  # noqa: N818 - the name says what is so
    """A role file that cannot be used, or a name that cannot be in it; the text names file, section and key."""
