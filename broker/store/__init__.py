"""The durable record: one small interface, TinyDB over SQLite (default) and PostgreSQL behind it.

`append` returns only when its records would survive a power cut; appending a record whose id is stored
already changes nothing (devices resend until they are acknowledged). Questions are asked in TinyDB's language.
"""

from tinydb import where

from broker.store.contract import Store
from broker.store.record import Conflict, Corrupt, Full, Receipt, Record, Refused, StoreError, Unavailable

__all__ = [
    "Conflict", "Corrupt", "Full", "Receipt", "Record", "Refused", "Store", "StoreError", "Unavailable", "where",
]  # fmt: skip
