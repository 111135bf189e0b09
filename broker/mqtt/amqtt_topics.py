"""Who may say and hear what on the desk's amqtt: its own list plug-in has no rule for what is delivered."""

from dataclasses import dataclass, field

from amqtt.contexts import Action
from amqtt.plugins.base import BaseTopicPlugin
from amqtt.session import Session
from paho.mqtt.client import topic_matches_sub


class OwnTopics(BaseTopicPlugin):  # type: ignore[misc]  # amqtt has no types
    """Lets each user publish to `says`, and subscribe to and be sent `hears` (topic filters by user name)."""

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool | None:
        """Whether `session` may do `action` with `topic`; also asked before a retained message is delivered."""
        user = session.username if session else None
        config = self.config
        filters = (config.says if action == Action.PUBLISH else config.hears).get(user or "", [])
        if topic is None:
            return False
        return any(topic == wanted or topic_matches_sub(wanted, topic) for wanted in filters)

    @dataclass
    class Config:
        """Topic filters by user name."""

        says: dict[str, list[str]] = field(default_factory=dict)
        hears: dict[str, list[str]] = field(default_factory=dict)
