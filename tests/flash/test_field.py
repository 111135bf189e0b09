"""What goes wrong in the field, each with its own sentence: ports, chips, interpreters, images, runs, indexes."""

from __future__ import annotations

import contextlib
import errno
import http.server
import io
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial

from sim.usb_board.board import VirtualBoard
from sim.usb_board.rom import ESP32S2_MAGIC, RomLoader
from sim.usb_board.terminal import make_raw
from sim.usb_board.uf2_drive import RP2350_ARM_S, Uf2Drive, make_uf2
from tests.support.flashing import REPO, Workshop, esp_image, write_secret
from tests.support.processes import wait_until
from tools.flashing.board.board import open_board, why_closed
from tools.flashing.board.image import check_image, find_drive, write_esp, write_uf2
from tools.flashing.board.inventory import Identity, check_fit
from tools.flashing.board.ports import Port, choose, wait_for_new
from tools.flashing.board.release.release import sha256
from tools.flashing.board.release.unit_files import unit_files
from tools.flashing.commands.screen import Screen
from tools.flashing.errors import FlashError
from tools.flashing.open_run_guard import open_run
from tools.flashing.settings import load_settings

DRY = ("--no-hello", "--dry-run")


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """A workshop without a broker."""
    workshop = Workshop(tmp_path)
    yield workshop
    workshop.close()


def problem(told: dict[str, object]) -> str:
    """The problem's name in a JSON answer."""
    units = told.get("units")
    error = units[0]["error"] if isinstance(units, list) else told["error"]
    return str(error["problem"])


# --- ports ------------------------------------------------------------------------------------------------


def test_no_board_at_all(workshop: Workshop) -> None:
    """Without any port the tool says so, and what a cable that only charges looks like."""
    code, told, text = workshop.flash("list")
    assert (code, problem(told)) == (10, "no_port")
    assert "charges" in text


def test_an_unknown_port_and_an_unknown_serial_number(workshop: Workshop) -> None:
    """A port that is not there is named."""
    assert problem(workshop.flash("binroom", "--id", "r01", "--port", "/dev/ttyNONE", *DRY)[1]) == "no_such_port"
    assert problem(workshop.flash("binroom", "--id", "r01", "--port", "serial:77", *DRY)[1]) == "no_such_port"


def test_several_boards_and_none_chosen() -> None:
    """The tool does not guess; by its USB serial number a board is found."""
    ports = [Port("/dev/ttyUSB0", "A1"), Port("/dev/ttyUSB1", "B2")]
    with pytest.raises(FlashError) as caught:
        choose(None, ports)
    assert caught.value.problem == "several_ports"
    assert choose("serial:B2", ports).path == "/dev/ttyUSB1"
    assert choose(None, ports[:1]).path == "/dev/ttyUSB0"


def test_a_charge_only_cable() -> None:
    """Nothing new appears within the time given."""
    clock = iter(range(100))
    with pytest.raises(FlashError) as caught:
        wait_for_new([], list, 3, monotonic=lambda: next(clock), sleep=lambda _: None)
    assert caught.value.problem == "charge_only"
    found = wait_for_new([], lambda: [Port("/dev/ttyUSB0")], 3, monotonic=lambda: 0, sleep=lambda _: None)
    assert found.path == "/dev/ttyUSB0"


@pytest.mark.real
def test_a_busy_port_names_its_holder(workshop: Workshop) -> None:
    """While another program has the port, the sentence says so."""
    with workshop.board() as board, serial.Serial(str(board.port), exclusive=True):
        code, told, _ = workshop.flash("binroom", "--id", "r01", *DRY)
    assert (code, problem(told)) == (14, "busy")


def test_a_port_without_permission(tmp_path: Path) -> None:
    """Not every failure is blamed on a group: only the one that is."""
    port = tmp_path / "port"
    port.touch()
    refused = why_closed(str(port), OSError(errno.EACCES, "Permission denied"))
    assert refused.problem == "no_permission"
    assert port.group() in refused.action
    assert why_closed(str(port), OSError(errno.EIO, "Input/output error")).problem == "cable_pulled"


@pytest.mark.real
def test_a_board_without_an_interpreter(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A blank ESP32 does not answer at the prompt; the next action is an image."""
    monkeypatch.setattr("tools.flashing.board.board.ENTER_TRIES_S", (1.0,))
    with workshop.board(rom=RomLoader()):
        code, told, text = workshop.flash("binroom", "--id", "r01", *DRY)
    assert (code, problem(told)) == (20, "silent")
    assert "--image" in text


# --- chips and interpreters -------------------------------------------------------------------------------


def identity(**changes: object) -> Identity:
    """A board that fits, but for the changes."""
    usual = {"platform": "esp32", "version": (1, 27, 0), "machine": "Generic ESP32", "mpy": 6, "uid": "01"}
    return Identity(**(usual | changes))  # type: ignore[arg-type]


def test_old_and_foreign_boards_are_refused() -> None:
    """An old interpreter, one that takes other compiled files, and another chip than asked for."""
    check_fit(identity(), "p", "esp32")
    for changes, chip, expected in (
        ({"version": (1, 19, 1)}, None, "wrong_interpreter"),
        ({"mpy": 5}, None, "wrong_interpreter"),
        ({}, "rp2", "wrong_chip"),
    ):
        with pytest.raises(FlashError) as caught:
            check_fit(identity(**changes), "p", chip)
        assert caught.value.problem == expected


@pytest.mark.real
def test_an_old_interpreter_is_refused_on_a_real_prompt(workshop: Workshop) -> None:
    """A board that says it runs MicroPython 1.19 gets nothing written."""
    with workshop.board(claims={"machine": "ESP32 module", "version": (1, 19, 1, ""), "platform": "esp32"}):
        code, told, text = workshop.flash("binroom", "--id", "r01", *DRY)
    assert (code, problem(told)) == (23, "wrong_interpreter")
    assert "1.19.1" in text


@pytest.mark.real
def test_a_full_flash_is_refused_before_writing(workshop: Workshop) -> None:
    """A flash of 20 blocks cannot take the release; the board goes on unchanged."""
    with workshop.board(blocks=20) as board:
        code, told, _ = workshop.flash("binroom", "--id", "r01", "--no-hello")
        assert (code, problem(told)) == (29, "flash_full")
        with open_board(str(board.port)) as prompt:
            assert prompt.ask("import os\nprint(os.listdir('/'))", "looking") == []


# --- interpreter images -----------------------------------------------------------------------------------


def image_file(folder: Path, data: bytes, digest: str | None = None) -> Path:
    """An image with its checksum beside it."""
    file = folder / "image.bin"
    file.write_bytes(data)
    file.with_name("image.bin.sha256").write_text(f"{digest or sha256(data)}  image.bin\n")
    return file


def test_images_are_checked_before_anything_else(tmp_path: Path) -> None:
    """A wrong checksum, none at all, and a file that is no image are refused; a good one is recognised."""
    assert check_image(image_file(tmp_path, esp_image()), None).chip == "esp32"
    assert check_image(image_file(tmp_path, esp_image(chip_id=9)), None).chip == "esp32s3"
    assert check_image(image_file(tmp_path, make_uf2(bytes(512))), None).chip == "rp2040"
    for data, digest, expected in (
        (esp_image(), "0" * 64, "image_hash"),
        (b"not an image" * 100, None, "image_unusable"),
        (esp_image(chip_id=77), None, "image_unusable"),
        (make_uf2(bytes(512), family=1), None, "image_unusable"),
    ):
        with pytest.raises(FlashError) as caught:
            check_image(image_file(tmp_path, data, digest), None)
        assert caught.value.problem == expected
    bare = tmp_path / "bare.bin"
    bare.write_bytes(esp_image())
    with pytest.raises(FlashError) as caught:
        check_image(bare, None)
    assert caught.value.problem == "usage"


@pytest.mark.real
def test_from_a_blank_chip_to_the_prompt(workshop: Workshop) -> None:
    """The real esptool writes the image into the fake ROM; after RESET the prompt takes the release."""
    file = image_file(workshop.folder, esp_image())
    with workshop.board(rom=RomLoader()) as board:
        assert board.rom is not None
        pressed = threading.Thread(target=_press_reset_when_written, args=(board,), daemon=True)
        pressed.start()
        code, _, text = workshop.flash("binroom", "--id", "r01", "--no-hello", "--image", str(file))
        pressed.join(timeout=30)
        assert code == 0, text
        assert bytes(board.rom.flash[0x1000 : 0x1000 + 30000]) == file.read_bytes()


def _press_reset_when_written(board: VirtualBoard) -> None:
    assert board.rom is not None
    end = time.monotonic() + 30
    while not board.rom.verified and time.monotonic() < end:
        time.sleep(0.05)
    board.reset()


@pytest.mark.real
def test_faults_of_the_boot_loader_have_their_sentences(workshop: Workshop) -> None:
    """Another chip, a chip that is deaf, a flash that reads back wrong, and a silence half way."""
    image = check_image(image_file(workshop.folder, esp_image(60000)), None)
    for fault, value, expected in (
        ("magic", ESP32S2_MAGIC, "wrong_chip"),
        ("deaf", True, "no_auto_reset"),
        ("bad_md5", True, "image_failed"),
        ("silent_after", 3, "image_failed"),
    ):
        with workshop.board(f"binroom-{fault}", rom=RomLoader()) as board:
            assert board.rom is not None
            setattr(board.rom.faults, fault, value)
            with pytest.raises(FlashError) as caught:
                write_esp(image, str(board.port), silence_s=3)
        assert caught.value.problem == expected, fault


def test_an_rp2040_takes_its_file_and_restarts(tmp_path: Path) -> None:
    """The image is copied to the drive, which then disappears; another family's image is refused."""
    drive = Uf2Drive(tmp_path / "media/technician/RPI-RP2")
    image = check_image(image_file(tmp_path, make_uf2(bytes(2048))), None)
    assert find_drive(tmp_path / "media") == drive.folder
    write_uf2(image, drive.folder, sleep=lambda _: drive.poll() and None, wait_s=5)
    assert sum(map(len, drive.memory.values())) == 2048
    assert find_drive(tmp_path / "media") is None
    other = Uf2Drive(tmp_path / "media/technician/RP2350", RP2350_ARM_S)
    with pytest.raises(FlashError) as caught:
        write_uf2(image, other.folder)
    assert caught.value.problem == "wrong_chip"


def test_a_drive_that_does_not_take_the_file(tmp_path: Path) -> None:
    """If the drive stays, the board did not take it."""
    drive = Uf2Drive(tmp_path / "RPI-RP2")
    image = check_image(image_file(tmp_path, make_uf2(bytes(2048))), None)
    clock = iter(range(1000))
    with pytest.raises(FlashError) as caught:
        write_uf2(image, drive.folder, monotonic=lambda: next(clock), sleep=lambda _: None, wait_s=5)
    assert caught.value.problem == "image_failed"


@pytest.mark.real
def test_from_a_held_bootsel_to_the_prompt(workshop: Workshop) -> None:
    """One command: the image to the drive, the port that then appears, the release; without a drive it says so."""
    file = image_file(workshop.folder, make_uf2(bytes(2048)))
    media = workshop.folder / "media"
    arguments = ("binroom", "--id", "r01", "--no-hello", "--image", str(file), "--media", str(media))
    code, told, _ = workshop.flash(*arguments)
    assert (code, problem(told)) == (36, "no_drive")
    drive, board = Uf2Drive(media / "RPI-RP2"), workshop.board()
    rom = threading.Thread(target=_boot_when_taken, args=(drive, board), daemon=True)
    rom.start()
    code, told, text = workshop.flash(*arguments)
    rom.join(timeout=30)
    assert code == 0, text
    assert told["units"][0]["port"] == str(board.port)


def _boot_when_taken(drive: Uf2Drive, board: VirtualBoard) -> None:
    end = time.monotonic() + 30
    while not drive.poll() and time.monotonic() < end:
        time.sleep(0.05)
    board.plug()


# --- the watchdog and the person ---------------------------------------------------------------------------


@pytest.mark.real
def test_a_watchdog_waits_while_the_prompt_is_held_and_bites_afterwards(workshop: Workshop) -> None:
    """A unit's watchdog is armed anew by the tool and does not reset the board under its hands; forgotten, it does."""
    with workshop.board(with_panel=True) as board:
        with open_board(str(board.port)) as prompt:
            assert prompt.prefix == ""  # a board without a release has started no watchdog
            prompt.write("/current", b"0123456789ab")
            prompt.write("/main.py", b"import machine,time\nw=machine.WDT(timeout=900)\nwhile True:\n w.feed()\n")
            prompt.reset()
        boots = board.boots
        time.sleep(1)
        with open_board(str(board.port)) as prompt:
            boots = board.boots
            time.sleep(1.5)
            assert prompt.ask("print(2)", "asking") == 2
            assert board.boots == boots
            prompt.prefix = ""
            prompt.ask("import machine\nw=machine.WDT(timeout=300)\nprint(1)", "starting a watchdog")
            wait_until(lambda: board.boots > boots, "the forgotten watchdog bites")


def test_a_port_that_never_stops_talking_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPS receiver on the port, or noise, ends within the deadline with a sentence of its own."""
    monkeypatch.setattr("tools.flashing.board.board.ENTER_TRIES_S", (0.5,))
    master, slave = os.openpty()
    make_raw(slave)
    name, ended = os.ttyname(slave), threading.Event()

    def chatter() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError):
                os.write(master, b"$GPRMC,,V,,,,,,,,,,N*53\r\n" * 8)

    speaker = threading.Thread(target=chatter, daemon=True)
    os.set_blocking(master, False)
    speaker.start()
    began = time.monotonic()
    try:
        with pytest.raises(FlashError) as caught, open_board(name):
            pass
    finally:
        ended.set()
        speaker.join(timeout=5)
        os.close(master)
        os.close(slave)
    assert caught.value.problem in ("silent", "timeout")
    assert time.monotonic() - began < 8


@pytest.mark.real
@pytest.mark.parametrize(
    "junk",
    [
        {"/current": b"../../etc", "/former": b"\xff\xfe", "/config/unit.json": b"[1,2]", "/state/boot.json": b"{"},
        {"/current": b"", "/config/unit.json": b'{"device": 7}', "/state/boot.json": b'{"boot": -1}'},
        {"/release/x/manifest.json": b"not json", "/current": b"x"},
    ],
)
def test_a_board_full_of_nonsense_becomes_a_unit(workshop: Workshop, junk: dict[str, bytes]) -> None:
    """Damaged pointers and settings stop nothing: `verify` names them, `binroom` puts them right."""
    with workshop.board() as board:
        with open_board(str(board.port)) as prompt:
            folders = {"/config", "/state", "/release", "/release/x"}
            prompt.run(
                "import os\n" + "\n".join(f"os.mkdir({folder!r})" for folder in sorted(folders)), "making folders"
            )
            for path, data in junk.items():
                prompt.write(path, data)
        assert workshop.flash("verify")[0] == 32
        code, _, text = workshop.flash("binroom", "--id", "r01", "--no-hello")
        assert code == 0, text
        assert workshop.flash("verify", "--id", "r01")[0] == 0


@pytest.mark.real
def test_a_program_that_never_ends_meets_its_deadline(workshop: Workshop) -> None:
    """A command that is late closes the port and says what was being done."""
    with workshop.board() as board, open_board(str(board.port)) as prompt:
        with pytest.raises(FlashError) as caught:
            prompt.run("while True:\n print('busy')", "counting for ever", 1.5)
        assert caught.value.problem == "timeout"
        assert "counting for ever" in caught.value.sentence


def test_a_person_may_stop_at_any_step() -> None:
    """After Ctrl-C a unit ends at its next step with code 130."""
    screen = Screen(as_json=True, stdout=io.StringIO(), stderr=io.StringIO())
    bar = screen.unit("r01")
    bar.says("writing")
    screen.stopped.set()
    with pytest.raises(FlashError) as caught:
        bar.wrote(1)
    assert (caught.value.exit_code, caught.value.facts["doing"]) == (130, "writing")


# --- open runs --------------------------------------------------------------------------------------------

RUNS = [
    {"run_id": "day-1", "truck": "t01", "state": "finished", "visits": [{"room": "r01", "state": "pending"}]},
    {
        "run_id": "day-2",
        "truck": "t02",
        "state": "running",
        "visits": [{"room": "r01", "state": "served"}, {"room": "r02", "state": "due"}],
    },
]


@pytest.mark.parametrize(
    ("family", "device", "expected"),
    [("truck", "t01", None), ("truck", "t02", "day-2"), ("room", "r01", None), ("room", "r02", "day-2")],
)
def test_which_run_is_open(family: str, device: str, expected: str | None) -> None:
    """A running run concerns its truck, and the rooms it still has to visit."""
    assert open_run(RUNS, family, device) == expected


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """A bridge that answers every question with `body`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.real
def test_an_open_run_is_not_disturbed(workshop: Workshop) -> None:
    """The bridge is asked before the board is touched; --ignore-runs does not ask; nonsense is named."""
    with workshop.board() as board:
        boots = board.boots
        with answering(json.dumps({"runs": RUNS}).encode()) as url:
            workshop.write_settings(api={"url": url})
            code, told, text = workshop.flash("binroom", "--id", "r02", *DRY)
            assert (code, problem(told)) == (51, "run_open")
            assert "day-2" in text
            assert board.boots == boots
            assert workshop.flash("binroom", "--id", "r02", "--ignore-runs", *DRY)[0] == 0
            assert workshop.flash("binroom", "--id", "r01", *DRY)[0] == 0
        with answering(b"<html>") as url:
            workshop.write_settings(api={"url": url})
            assert problem(workshop.flash("binroom", "--id", "r01", *DRY)[1]) == "api"
    workshop.write_settings(api={"url": "http://127.0.0.1:1"})
    with workshop.board("binroom-02") as board:
        assert problem(workshop.flash("binroom", "--id", "r01", "--port", str(board.port), *DRY)[1]) == "api"


# --- modules and settings ---------------------------------------------------------------------------------


@pytest.mark.real
def test_a_mirror_that_lacks_a_module_or_lies(workshop: Workshop) -> None:
    """A missing package, and a file with another content than its hash, stop before the board is touched."""
    with workshop.board():
        file = next((workshop.folder / "mirror/file").glob("*/*"))
        file.write_bytes(b"something else")
        assert problem(workshop.flash("binroom", "--id", "r01", *DRY)[1]) == "index_failed"
        file.unlink()
        assert problem(workshop.flash("binroom", "--id", "r01", *DRY)[1]) == "index_failed"
        workshop.write_settings(modules=None)
        assert problem(workshop.flash("binroom", "--id", "r01", *DRY)[1]) == "index_failed"


@pytest.mark.parametrize(
    ("section", "table", "words"),
    [
        ("broker", {"host": "h", "prot": 1}, ["[broker]", "prot", "not a known key"]),
        ("broker", {"host": "h", "port": 70000}, ["[broker]", "port", "65535"]),
        ("broker", {"host": "h", "tls": "yes"}, ["[broker]", "tls", "true or false"]),
        ("area", {"id": "x h"}, ["[area]", "id"]),
        ("brokers", {"host": "h"}, ["[brokers]", "not a known section"]),
        ("truck", {"python": "3.11"}, ["[truck]", "python", "not a known key"]),
    ],
)
def test_settings_errors_name_file_section_and_key(
    workshop: Workshop, section: str, table: dict[str, object], words: list[str]
) -> None:
    """A technician finds the line at once."""
    workshop.write_settings(**{section: table})
    code, told, _ = workshop.flash("ledger")
    assert code == 2
    sentence = told["error"]["sentence"]
    assert str(workshop.settings) in sentence
    assert [word for word in words if word not in sentence] == []


def test_the_example_settings_are_good(tmp_path: Path) -> None:
    """packaging/flash.example.toml is read, and the firmware takes its wiring."""
    example = tmp_path / "flash.toml"
    example.write_bytes((REPO / "packaging/flash.example.toml").read_bytes())
    settings = load_settings(example)
    write_secret(tmp_path / "keys/r01.password", "x")
    write_secret(tmp_path / "keys/wifi.key", "y")
    assert "/config/unit.json" in unit_files(settings, "r01", settings.unit)


@pytest.mark.real
def test_secrets_that_others_may_read_are_refused(workshop: Workshop) -> None:
    """A password file of mode 644 is not used, and its content is not told."""
    file = workshop.folder / "keys/r01.password"
    file.chmod(0o644)
    with workshop.board():
        code, told, text = workshop.flash("binroom", "--id", "r01", *DRY)
    assert (code, problem(told)) == (2, "secret_file")
    assert "room 1 secret" not in text


@pytest.mark.real
def test_settings_the_unit_would_refuse_are_refused_here(workshop: Workshop) -> None:
    """The firmware's own reader judges the wiring before it is written."""
    workshop.write_settings(unit={"wastes": ["residential_wet"], "lamps": []})
    with workshop.board():
        code, told, text = workshop.flash("binroom", "--id", "r01", *DRY)
    assert (code, problem(told)) == (2, "usage")
    assert "lamps" in text


@pytest.mark.real
def test_a_broker_that_is_not_there(workshop: Workshop) -> None:
    """Before the board is touched the tool says that it cannot hear any hello."""
    with workshop.board():
        code, told, _ = workshop.flash("binroom", "--id", "r01")
    assert (code, problem(told)) == (46, "desk_broker")


@pytest.mark.parametrize(
    "arguments",
    [["binroom"], ["binroom", "--id", "a/b"], ["binroom", "--with", "r01"], ["truck", "--id", "t 1", "--card", "/tmp"]],
)
def test_wrong_command_lines(workshop: Workshop, arguments: list[str]) -> None:
    """Missing and bad ids end with code 2 and a sentence."""
    code, told, _ = workshop.flash(*arguments)
    assert code == 2
    assert problem(told) == "usage"
