"""The bridge's configuration: broker.toml, one section per module, unknown keys refused, bounds checked here.

Secrets are never in the file itself: a `*_file` names a file that only the bridge's user can read, or the
environment variable named beside it is used.
"""

from broker.config.city import CityConfig, CityWayConfig
from broker.config.doors import PASSWORD_VARIABLE, MqttConfig, WebConfig
from broker.config.file import BrokerConfig, read_city_config, read_config, read_either_config
from broker.config.kept import AreaConfig, LimitsConfig
from broker.config.outside import OutsideConfig, ReceiverConfig
from broker.config.rules import AddresseeConfig
from broker.config.values import ConfigError

__all__ = [
    "PASSWORD_VARIABLE", "AddresseeConfig", "AreaConfig", "BrokerConfig", "CityConfig", "CityWayConfig", "ConfigError",
    "LimitsConfig", "MqttConfig", "OutsideConfig", "ReceiverConfig", "WebConfig", "read_city_config", "read_config",
    "read_either_config",
]  # fmt: skip
