"""The test on the device, for what no desk can show: pins, sensors, lamp read-back, Wi-Fi, clock, flash, broker.

Each step is one program at the prompt that uses the release on the board; it prints (ok, what was seen). `needs` names
what of the real hardware the step covers; the README's list of untested hardware is made of these lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tools.flashing.board import Board
from tools.flashing.contents import Contents
from tools.flashing.errors import FlashError
from tools.flashing.settings import FlashSettings

PREPARE = """
import sys,time,os
sys.path.insert(0,'/release/RELEASE')
try:
 _feed=_zw.feed
except NameError:
 _feed=lambda:None
from firmware.binroom import settings
_unit=settings.load_unit('')
_net=settings.load_network('',_unit['device'])
from firmware.binroom.board import Board
_board=Board(_unit)
print((True,_unit['device']+' in '+_unit['area']))
"""

INTEGERS = """
_big=1795374261
_ok=_big*1000//1000==_big and _big+1-_big==1 and (1<<40)>>40==1
_f=float(_big)
print((_ok,'integers exact; floats '+('32' if int(_f)!=_big else '64')+' bit'))
"""

FLASH = """
_p='/selftest.tmp'
_d=bytes(range(256))*16
_t=time.ticks_ms()
with open(_p,'wb') as _o: _o.write(_d)
with open(_p,'rb') as _o: _same=_o.read()==_d
os.remove(_p)
_feed()
_s=os.statvfs('/')
print((_same and _s[3]*_s[0]>65536,'4 KiB written and read in %d ms; %d KiB free'%(time.ticks_diff(time.ticks_ms(),_t),_s[3]*_s[0]//1024)))
"""

MEMORY = """
import gc
gc.collect()
print((gc.mem_free()>40000,'%d bytes of heap free beside the unit'%gc.mem_free()))
"""

LAMPS = """
_seen=[]
_ok=True
for _i in range(_board.lamp_count()):
 for _want in (True,False):
  _board.set_lamp(_i,_want)
  time.sleep_ms(HOLD)
  _feed()
  _got=_board.read_lamp(_i)
  if _got!=_want:
   _ok=False
   _seen.append('lamp %d stays %s'%(_i,'lit' if _got else 'dark'))
print((_ok,', '.join(_seen) or '%d lamps lit and dark as driven'%_board.lamp_count()))
"""

BUTTONS = """
_down=[e for e,d in _board.buttons() if d]
print((not _down,'pressed or short-circuited: '+' '.join(_down) if _down else '%d buttons free'%len(_board.buttons())))
"""

SENSORS = """
from firmware.binroom.calibration import Calibrations
from firmware.binroom.sensors import make_sensors
_says=[]
_sensors=make_sensors(_unit['sensors'],_board,Calibrations('',_says.append),'',_says.append)
_until=time.ticks_add(time.ticks_ms(),4000)
while time.ticks_diff(_until,time.ticks_ms())>0:
 for _x in _sensors: _x.poll(time.ticks_ms())
 _feed()
 time.sleep_ms(20)
_bad=[]
_good=[]
for _x in _sensors:
 _line='%s: %s bins, %s g, quality %s %s'%(_x.waste,_x.count,_x.grams,_x.quality,_x.reason or '')
 (_bad if _x.quality is None or _x.quality>=4 else _good).append(_line)
print((not _bad,'; '.join(_bad or _good) or 'no sensors are wired'))
"""

CLOCK = """
_a=time.ticks_ms()
_b=time.ticks_us()
for _ in range(10):
 time.sleep_ms(100)
 _feed()
_ms=time.ticks_diff(time.ticks_ms(),_a)
_us=time.ticks_diff(time.ticks_us(),_b)
print((990<=_ms<=LONGEST and abs(_us//1000-_ms)<=5,'one second measured as %d ms'%_ms))
"""

WIFI = """
import network
_s=_net['ssid']
if _s is None:
 print((True,'','no Wi-Fi is configured'))
else:
 _w=network.WLAN(network.STA_IF)
 _w.active(True)
 _w.connect(_s,_net['key'])
 _n=0
 while not _w.isconnected() and _n<80:
  time.sleep_ms(250)
  _feed()
  _n+=1
 if _w.isconnected():
  try: _r=str(_w.status('rssi'))+' dBm'
  except (ValueError,TypeError,OSError,AttributeError): _r='connected'
  print((True,'',_s+', '+_r))
 else:
  try: _st=_w.status()
  except (OSError,AttributeError): _st=None
  _wrong=[getattr(network,x) for x in ('STAT_WRONG_PASSWORD','STAT_HANDSHAKE_TIMEOUT') if hasattr(network,x)]
  _none=[getattr(network,x) for x in ('STAT_NO_AP_FOUND',) if hasattr(network,x)]
  _k='wifi_password' if _st in _wrong+[-3] else 'wifi_unknown' if _st in _none+[-2] else ''
  if not _k:
   try: _names=[x[0].decode() for x in _w.scan()]
   except (OSError,AttributeError): _names=[]
   _k='wifi_password' if _s in _names else 'wifi_unknown'
  print((False,_k,'not connected, status %s'%_st))
"""

BROKER = """
import socket
_k,_x='broker_unknown',None
try:
 _ai=socket.getaddrinfo(_net['host'],_net['port'])[0]
 _c=socket.socket(_ai[0])
 try:
  _c.settimeout(8)
 except AttributeError:
  pass
 _c.connect(_ai[-1])
 _feed()
 if _net['use_tls']:
  import ssl
  _k='certificate'
  _ctx=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  _ctx.verify_mode=ssl.CERT_REQUIRED
  with open(_net['ca_path'],'rb') as _o: _ctx.load_verify_locations(cadata=_o.read())
  _c=_ctx.wrap_socket(_c,server_hostname=_net['host'])
  _feed()
 _k='broker_refused'
 _id=_unit['device'].encode()
 _u=_net['user'].encode()
 _p=_net['password']
 def _s(b): return bytes((len(b)>>8,len(b)&255))+b
 _v=_s(b'MQTT')+bytes((4,2|0x80|(0x40 if _p else 0),0,20))+_s(_id)+_s(_u)+(_s(_p.encode()) if _p else b'')
 _c.write(bytes((0x10,len(_v)&127|128,len(_v)>>7))+_v)
 _r=_c.read(4)
 _x='' if _r and len(_r)==4 and _r[3]==0 else 'answer %s'%(_r[3] if _r and len(_r)==4 else 'none')
 if not _x:
  _c.write(bytes((0xe0,0)))
 _c.close()
except (OSError,ValueError) as _e:
 _x=repr(_e)
print((not _x,_k if _x else '',_x or 'the broker lets '+_unit['device']+' in'))
"""


@dataclass(frozen=True)
class Test:
    """One step; `needs` is the hardware it is there for."""

    name: str
    program: str
    needs: str
    deadline_s: float = 15.0


@dataclass(frozen=True)
class Result:
    """What one step saw; `problem` names an entry of errors.PROBLEMS where the step knows it."""

    name: str
    ok: bool
    seen: str
    problem: str = ""


NETWORK_PROBLEMS = ("wifi_unknown", "wifi_password", "broker_unknown", "certificate", "broker_refused")
LAMP_HOLD_MS = 300
SLOWEST_SECOND_MS = 1100

TESTS = (
    Test("settings", PREPARE, "a board with its identity, network and keys"),
    Test("integers", INTEGERS, "32-bit floats: integers must be exact all the same"),
    Test("flash", FLASH, "real flash: speed, wear, room"),
    Test("memory", MEMORY, "the heap of the board, its fragmentation at start"),
    Test("lamps", LAMPS, "GPIO electrics: each lamp follows its pin, read back by its sense line"),
    Test("buttons", BUTTONS, "pull-ups and wiring of the keeper's buttons"),
    Test("sensors", SENSORS, "HX711, beam and ranger timing on the real wires", 30.0),
    Test("clock", CLOCK, "the crystal: ticks against each other"),
    Test("wifi", WIFI, "radio, access point, password, signal strength", 45.0),
    Test("broker", BROKER, "name server, route, TLS memory and certificate, account", 45.0),
)


def run_tests(
    board: Board,
    contents: Contents,
    *,
    hold_ms: int = LAMP_HOLD_MS,
    only: tuple[str, ...] = (),
    says: Callable[[str], None] = lambda _: None,
) -> list[Result]:
    """All steps in their order; a step that cannot start or hangs is a failed one, and ends the test.

    `hold_ms` is how long each lamp is held, long enough to be looked at; `only` names the steps, empty for all.
    """
    results = []
    for test in TESTS:
        if only and test.name not in only:
            continue
        says(f"self test: {test.name}")
        program = test.program.replace("RELEASE", contents.current or "none").replace("HOLD", str(hold_ms))
        program = program.replace("LONGEST", str(SLOWEST_SECOND_MS))
        try:
            answer = board.ask(program, f"testing {test.name}", test.deadline_s)
        except FlashError as error:
            results.append(Result(test.name, False, str(error.facts.get("what", error.sentence)), error.problem))
            break
        ok, *rest = answer
        problem, seen = (rest[0], rest[1]) if len(rest) > 1 else ("", rest[0])
        results.append(Result(test.name, bool(ok), str(seen), "" if ok else str(problem)))
        if not ok and test.name in ("settings", "wifi"):
            break  # nothing after it can succeed
    return results


def raise_first(results: list[Result], contents: Contents, network: dict[str, str]) -> None:
    """Raises the FlashError of the first failed step, in the words for its cause where it is known."""
    failed = [result for result in results if not result.ok]
    if not failed:
        return
    first = failed[0]
    facts = {"what": first.seen, "who": contents.device or "the unit", **network}
    if first.problem in NETWORK_PROBLEMS:
        raise FlashError(first.problem, **facts)
    raise FlashError("selftest_failed", what=", ".join(f"{result.name} ({result.seen})" for result in failed))


def network_facts(settings: FlashSettings | None) -> dict[str, str]:
    """The names that a network failure's sentence needs."""
    broker = settings.broker if settings else None
    return {
        "ssid": settings.wifi.ssid if settings and settings.wifi else "in the unit's settings",
        "host": broker.device_host if broker else "in the unit's settings",
        "port": str(broker.port) if broker else "?",
    }
