"""The registers of the street office: elections and safety works, each one JSON file a person can read.

`open_registers(folder, access=...)` is the way in; see `kept/register.py` for how a save can be neither half nor blank.
"""

from broker.registers.folder import Registers, open_registers

__all__ = ["Registers", "open_registers"]
