"""What is raised about an offer that cannot be carried out."""


class ReplanError(ValueError):
    """An offer that cannot be carried out; the text says what is missing. `not_yet`: it is being worked out."""

    def __init__(self, text: str, *, not_yet: bool = False) -> None:
        super().__init__(text)
        self.not_yet = not_yet
