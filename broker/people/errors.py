"""What is raised about people: who may not do something, and a file of roles that cannot be read."""


class PeopleError(Exception):
    """Base of what can go wrong with people; the text says what to do next."""


class Denied(PeopleError, PermissionError):  # noqa: N818 - the name says what is so
    """This person may not do that; the text says who may and how to become one."""


class BadRoles(PeopleError, ValueError):  # noqa: N818 - the name says what is so
    """A role file that cannot be used, or a name that cannot be in it; the text names file, section and key."""
