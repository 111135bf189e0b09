"""What is raised about people: who is not known, who must wait, and a file of people that is no good."""


class PeopleError(Exception):
    """Base of what can go wrong with people; the text says what to do next."""


class Unknown(PeopleError):  # noqa: N818 - the name says what is so
    """Nobody knows who this is: not signed in, or with what opens nothing."""


class TooSoon(PeopleError):  # noqa: N818 - the name says what is so
    """Too much, too often; `wait_s` says when the next is taken."""

    def __init__(self, wait_s: int, what: str = "too many wrong sign-ins") -> None:
        super().__init__(f"{what}: try again in {wait_s} s")
        self.wait_s = wait_s


class Impossible(PeopleError, ValueError):  # noqa: N818 - the name says what is so
    """A change to the people that cannot be made as asked; the text says what can."""


class Missing(Impossible):
    """There is nothing of this name to change."""


class Changed(PeopleError):  # noqa: N818 - the name says what is so
    """Somebody changed it since it was looked at: what is done now would undo their change unseen."""


class NotAllowed(PeopleError):  # noqa: N818 - the name says what is so
    """Who asks may not do this: it would give what they do not hold, or leave nobody to look after the people."""


class Damaged(PeopleError):  # noqa: N818 - the name says what is so
    """A file of people that cannot be used; the text names it and says what to do."""
