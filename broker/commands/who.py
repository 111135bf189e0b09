"""In whose name a command works when nobody says --who."""

import getpass
import os


def system_user() -> str:
    """The name of whoever runs this process, or their number where the system has no name for them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
