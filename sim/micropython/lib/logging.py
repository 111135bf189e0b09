"""Stand-in for micropython-lib's `logging`: the few calls the firmware makes, one line each on standard output."""

INFO = 20


class Logger:
    """Prints `LEVEL:name:text`."""

    def __init__(self, name):
        self._name = name

    def info(self, text):
        """One line."""
        print("INFO:%s:%s" % (self._name, text))


def getLogger(name="root"):  # noqa: N802 - the library's own name
    """A logger of this name."""
    return Logger(name)


def basicConfig(level=INFO):  # noqa: N802 - the library's own name
    """Everything is shown."""
