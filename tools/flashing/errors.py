"""Everything that goes wrong at a technician's hand: one sentence, one next action and one exit code for each.

Nothing else in tools/flashing words an error: it raises `FlashError("busy", port="/dev/ttyUSB0")` and the texts come
from the table below, which is in the order of the exit codes; docs/technician.md shows it. 0 is success, 2 a wrong
command line, settings or secret file, 130 Ctrl-C, 127 an environment that is not set up (firmware/environment.py).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One kind of failure; `sentence` and `action` are filled with the facts of the case."""

    exit_code: int
    sentence: str
    action: str


PROBLEMS: dict[str, Problem] = {
    "usage": Problem(2, "{what}.", "Correct it and run the command again; `--help` lists what each option takes."),
    "settings": Problem(2, "{file}, section {section}, key {key}: {what}.", "Correct the file and run again."),
    "no_settings": Problem(
        2,
        "There is no settings file {file}.",
        "Copy packaging/flash.example.toml to {file}, say in it which area and broker are meant, and run again.",
    ),
    "secret_file": Problem(
        2,
        "{file} cannot be used as a key or password file: {what}.",
        "Put the secret alone into that file, readable by you only (chmod 600), and run again.",
    ),
    # --- 10: the port ---
    "no_port": Problem(
        10,
        "No board is plugged in: this computer sees no serial port.",
        "Plug the board in with a cable that carries data. If its light is on and still no port is listed, the cable"
        " only charges: take another one.",
    ),
    "no_such_port": Problem(
        11,
        "There is no port {port}.",
        "Run `python3 tools/flash.py list` to see the ports, or plug the board in again.",
    ),
    "charge_only": Problem(
        12,
        "Nothing new was plugged in within {seconds} s.",
        "If the board's light is on, its cable only charges: take a cable that carries data. Else try another socket.",
    ),
    "several_ports": Problem(
        13,
        "Several boards are plugged in ({ports}) and none was chosen.",
        "Name one with --port, or by its USB serial number with --port serial:NUMBER.",
    ),
    "busy": Problem(
        14,
        "{port} is used by another program{holder}.",
        "Close the terminal, IDE or second flash.py that has it open and run again.",
    ),
    "no_permission": Problem(
        15,
        "You may not open {port} ({detail}).",
        "The port belongs to group {group}: run `sudo usermod -aG {group} $USER`, log out and in again.",
    ),
    # --- 20: the board ---
    "silent": Problem(
        20,
        "The board on {port} does not answer at the prompt.",
        "Press its RESET button and run again. A new board has no MicroPython yet:"
        " `python3 tools/flash.py binroom --id ID --image FILE` writes that too.",
    ),
    "no_auto_reset": Problem(
        21,
        "The boot loader of the board on {port} does not answer: this board cannot be reset over its cable.",
        "Hold BOOT, tap RESET, release BOOT, and run again with --boot-held.",
    ),
    "wrong_chip": Problem(
        22,
        "The board on {port} is {found}, but {wanted} was asked for.",
        "Take the right board, or give the image and --chip that belong to this one.",
    ),
    "wrong_interpreter": Problem(
        23,
        "The board on {port} runs {found}; this release needs {wanted}.",
        "Run again with --image FILE and the sha256 of a MicroPython that fits.",
    ),
    "image_hash": Problem(
        24,
        "{file} is not the image that was checked: its sha256 is {found}, not {wanted}.",
        "Copy the image again from where its checksum was published. Nothing was written.",
    ),
    "image_unusable": Problem(
        25,
        "{file} is not an image for this board: {what}.",
        "Choose the file made for {chip}. Nothing was written.",
    ),
    "image_failed": Problem(
        26,
        "Writing the interpreter to {port} failed: {what}.",
        "Check the cable, hold BOOT while you tap RESET, and run the same command again.",
    ),
    "cable_pulled": Problem(
        27,
        "The connection to {port} broke while {doing}.",
        "Plug the board in again and run the same command: it goes on where it stopped, nothing is half switched.",
    ),
    "timeout": Problem(
        28,
        "The board on {port} stopped answering while {doing} ({seconds} s).",
        "Press RESET, or unplug it and plug it in, and run the same command again.",
    ),
    "flash_full": Problem(
        29,
        "The flash of the board is full: {needed} bytes are needed, {free} are free.",
        "Remove files that are not Zhanpai's from the board (`mpremote fs ls`), or take a board with more flash.",
    ),
    "write_failed": Problem(
        30,
        "{path} on the board does not have the content that was sent.",
        "Run the same command again. If it happens twice, the flash of this board is worn: replace the board.",
    ),
    "program_failed": Problem(
        31,
        "The board refused a step while {doing}: {what}.",
        "Press RESET and run again; if it stays, send what `python3 tools/flash.py selftest` shows with this line.",
    ),
    "not_verified": Problem(
        32,
        "What is on the board differs from what should be there: {what}.",
        "Run `python3 tools/flash.py binroom` for this unit again: it writes only what differs.",
    ),
    "no_former": Problem(
        33,
        "There is no whole former release on the board to go back to.",
        "Install the wanted release with `python3 tools/flash.py binroom` from its own checkout.",
    ),
    "selftest_failed": Problem(
        34,
        "The self test failed at: {what}.",
        "Check the wiring named in the table above, then run `python3 tools/flash.py selftest` again.",
    ),
    "build_failed": Problem(
        35,
        "The release could not be built: {what}.",
        "Run `make test` in this checkout, or take a released one. Nothing was written.",
    ),
    "no_drive": Problem(
        36,
        "No drive of a board in its boot loader is mounted below {folder}.",
        "Hold BOOTSEL while you plug the board in, wait until its drive is mounted, and run again (--media FOLDER).",
    ),
    "index_failed": Problem(
        37,
        "{package} could not be taken from the module index {index}: {what}.",
        "Check the address in [modules] index; without internet point it at the office's mirror folder.",
    ),
    "no_unit": Problem(
        38,
        "The board on {port} runs {found} and is no unit yet: nothing of Zhanpai is on it.",
        "Make a unit of it first: `python3 tools/flash.py binroom --id ID --port {port}`.",
    ),
    "other_unit": Problem(
        39,
        "The board on {port} is {found}, not {wanted}.",
        "Plug in {wanted}, or run again with the id of this board.",
    ),
    # --- 40: the network, seen from the board ---
    "wifi_unknown": Problem(
        40,
        "The board does not see the Wi-Fi network {ssid}.",
        "Check the name in the settings (capitals count; 2.4 GHz only) and whether the access point reaches this room.",
    ),
    "wifi_password": Problem(
        41,
        "The Wi-Fi network {ssid} refuses the board's password.",
        "Put the right password into the [wifi] password_file and run again.",
    ),
    "broker_unknown": Problem(
        42,
        "The board has Wi-Fi but cannot reach the broker {host}:{port} ({what}).",
        "Check [broker] host and port, and that the room's network lets the board reach it.",
    ),
    "certificate": Problem(
        43,
        "The board refuses the certificate of {host}: {what}.",
        "Give the authority's certificate in [broker] ca_file; check that the broker's certificate names {host}.",
    ),
    "broker_refused": Problem(
        44,
        "The broker {host}:{port} refuses {who}: {what}.",
        "Check the user and the password file on the broker for {who}.",
    ),
    "no_hello": Problem(
        45,
        "{id} is written and verified, but did not report to the broker within {seconds} s.",
        "Run `python3 tools/flash.py selftest` for it; it tries Wi-Fi, broker and certificate one after the other.",
    ),
    "desk_broker": Problem(
        46,
        "This computer cannot reach the broker {host}:{port} ({what}), so no hello can be seen.",
        "Join the network of the broker, or run with --no-hello and `python3 tools/flash.py verify` later.",
    ),
    "crashes": Problem(
        47,
        "{id} starts but its program ends again and again ({what}).",
        "Its lamps flash `no data` meanwhile. Run `python3 tools/flash.py rollback` for it and send the line above.",
    ),
    # --- 50: the others who use it ---
    "id_used": Problem(
        50,
        "{id} is already in use: {where}.",
        "Choose the id on this unit's work order; if this board takes the other's place, run again with --replace.",
    ),
    "run_open": Problem(
        51,
        "{id} has an open run ({run}).",
        "Wait until the run is closed, or have the dispatcher close it; then run again.",
    ),
    "api": Problem(
        52,
        "The bridge at {url} cannot be asked for open runs: {what}.",
        "Check [api] url, or run with --ignore-runs if you know that nothing drives.",
    ),
    "ledger": Problem(53, "The ledger {file} cannot be used: {what}.", "Correct line or rights; the unit is written."),
    "authority": Problem(
        54,
        "The certificate authority cannot be used: {what}.",
        "Make one with `python3 tools/flash.py ca`; [broker] ca_file names its certificate, keys/ca.pem.",
    ),
    "door": Problem(
        55,
        "The broker's door: {what}.",
        "What is signed stays signed: run the same command again. [door] of the settings says where the broker reads.",
    ),
    "renewal": Problem(
        56,
        "Certificates end within {days} days and were not taken: {devices}.",
        "Switch the device on and run again, or visit it: after the last day nothing is heard of it.",
    ),
    # --- 60: trucks ---
    "not_a_card": Problem(
        60,
        "{folder} is not the boot partition of a Raspberry Pi card: {what}.",
        "Write Raspberry Pi OS to the card with any imager, plug it in again, name the folder of its first partition.",
    ),
    "wheels": Problem(
        61,
        "The wheel folder {folder} does not hold what the truck's lock file asks for: {what}.",
        "With internet run `.venv/bin/pip download --only-binary=:all: --dest {folder} -r requirements/truck.txt`,"
        " and the same with `pip` in place of `-r` and the file.",
    ),
    "ssh": Problem(
        62,
        "The truck computer {host} could not be set up over ssh: {what}.",
        "Check that `{command} {host} true` works without a question, then run the same command again.",
    ),
    "card_full": Problem(
        63,
        "{folder} cannot be written: {what}.",
        "Check that the card is not write-protected or full, then run the same command again.",
    ),
    # --- as a shell says it of Ctrl-C ---
    "stopped": Problem(
        130,
        "Stopped while {doing}.",
        "Run the same command again: it goes on where it stopped, nothing is half switched.",
    ),
}


class FlashError(Exception):
    """A failure the technician can act on; `problem` names it in PROBLEMS, `facts` fill its texts."""

    def __init__(self, problem: str, **facts: object) -> None:
        self.problem = problem
        self.facts = facts
        entry = PROBLEMS[problem]
        self.exit_code = entry.exit_code
        self.sentence = entry.sentence.format(**facts)
        self.action = entry.action.format(**facts)
        super().__init__(f"{self.sentence} {self.action}")
