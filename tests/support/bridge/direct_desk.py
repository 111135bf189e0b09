"""The desk of the web in tests: what is asked of it is done before it answers."""

from broker.web.desk import Desk
from broker.web.view.picture import snapshot


class DirectDesk(Desk):
    """A desk whose actions are carried out at once, without a loop."""

    __slots__ = ("morning",)

    def look_up(self, question, timeout_s=5.0):  # type: ignore[no-untyped-def]
        """Answer the question."""
        return question(self.morning.bridge, int(self.morning.now))

    def ask(self, act, timeout_s=5.0):  # type: ignore[no-untyped-def]
        """Carry the action out."""
        self.morning.bridge.act(act, self.morning.now)
        self.show(snapshot(self.morning.bridge, self.morning.now))
        return self.picture
