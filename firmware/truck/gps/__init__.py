"""The receiver: from its serial port's bytes to positions this truck believes, and when one is worth a message.

Nothing is imported here: the configuration is read without a serial library.
"""
