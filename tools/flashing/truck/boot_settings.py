"""The Raspberry Pi's config.txt and cmdline.txt: the serial port belongs to the GPS receiver, the watchdog is on.

Pure edits, each the same when done twice. Also run on the Pi itself as `python3 boot_settings.py /boot/firmware`, so
it imports nothing of ours.
"""

import os
import sys
from pathlib import Path

BEGIN, END = "# zhanpai begin", "# zhanpai end"
SETTINGS = (
    "[all]",
    "enable_uart=1",
    "dtoverlay=disable-bt",  # the good UART for the receiver, not for Bluetooth
    "dtparam=watchdog=on",
)
CONSOLES = ("console=serial0", "console=ttyAMA0", "console=ttyS0")
FIRSTRUN = (
    "systemd.run=/boot/firmware/firstrun.sh",
    "systemd.run_success_action=reboot",
    "systemd.unit=kernel-command-line.target",
)


def edited_config(text: str) -> str:
    """config.txt with our block at its end, once."""
    kept, inside = [], False
    for line in text.splitlines():
        if line.strip() == BEGIN:
            inside = True
        elif line.strip() == END:
            inside = False
        elif not inside:
            kept.append(line)
    while kept and not kept[-1].strip():
        kept.pop()
    return "\n".join([*kept, "", BEGIN, *SETTINGS, END, ""])


def edited_cmdline(text: str, firstrun: bool = False) -> str:
    """cmdline.txt (one line) without a console on the receiver's port, and with the first-run script if wanted."""
    words = [word for word in text.split() if not word.startswith(CONSOLES) and word not in FIRSTRUN]
    return " ".join([*words, *(FIRSTRUN if firstrun else ())]) + "\n"


def apply(folder: str) -> None:
    """Edits the two files of a boot partition; each is old or new, never half."""
    for name, edit in (("config.txt", edited_config), ("cmdline.txt", edited_cmdline)):
        path = Path(folder) / name
        before = path.read_text(encoding="utf-8")
        after = edit(before)
        if after != before:
            fresh = path.with_name(name + ".new")
            with fresh.open("w", encoding="utf-8") as file:
                file.write(after)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)


if __name__ == "__main__":
    apply(sys.argv[1])
