"""What a journal raises."""

NO_ROOM = (28, 122, 27)  # ENOSPC, EDQUOT, EFBIG


class JournalError(Exception):
    """Base of what a journal raises."""


class JournalFull(JournalError, OSError):  # noqa: N818 - the name says what is so
    """The disk or a limit left no room; nothing of this frame is stored, the journal is usable again with room."""


class JournalBroken(JournalError, OSError):  # noqa: N818 - the name says what is so
    """The disk refused to write or to sync; nothing of this frame was promised, the next commit tries a new file."""


class JournalCorrupt(JournalError, ValueError):  # noqa: N818 - the name says what is so
    """Stored frames are damaged; the text names file and byte. Nothing was changed."""


class JournalClosed(JournalError, ValueError):  # noqa: N818 - the name says what is so
    """The journal was closed and others may have it by now: nothing more is written."""
