"""The disk of the bridge's machine in virtual time: the real one, until it is said to be full."""

from pathlib import Path

from broker.store.sqlite.files import Files


class VirtualDisk(Files):
    """While `full` the system says that nothing is free, which leaves the record room for alarms only."""

    full = False

    def free_bytes(self, path: Path) -> int:
        """Bytes an ordinary user may still write."""
        return 0 if self.full else super().free_bytes(path)
