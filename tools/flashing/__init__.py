"""Flashing without fear: what `tools/flash.py` does, one idea a file.

errors (every sentence a technician reads) · settings (the TOML file) · ports · board (the prompt, by mpremote) ·
release (what is written) · changes (the installation, pure) · install · image (the interpreter) · hello (MQTT) ·
label · ledger · selftest · rollback · truck, truck_files, truck_wheels, boot_settings · commands (options,
choices, looking) · screen
"""
