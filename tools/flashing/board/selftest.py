"""The test on the device, for what no desk can show: pins, sensors, lamp read-back, Wi-Fi, clock, flash, broker.

Each step is one program at the prompt, so that each has its deadline and the watchdog is fed between them. The steps of
the hardware are the release's own (firmware/binroom/selftest.py); those of the network are here, where a failure is to
be named by its cause. A step prints (ok, what was seen) or (ok, problem, what was seen). `needs` says which real
hardware the step is there for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tools.flashing.board.board import Board
from tools.flashing.board.inventory import Contents
from tools.flashing.errors import FlashError
from tools.flashing.settings import FlashSettings

PREPARE = """
import sys,time,os
sys.path.insert(0,'/release/RELEASE')
try:
 _feed=_zw.feed
except NameError:
 _feed=lambda:None
from firmware.binroom import selftest as _t
_steps=dict(_t.STEPS)
_st={}
def _step(n,ms):
 _feed()
 _r=_steps[n]('',_st,ms)
 _feed()
 return _r
_r=_step('settings',0)
_unit=_st['unit']
from firmware.binroom.settings import load_network
_net=load_network('',_unit['device'])
print(_r)
"""

ON_DEVICE = "print(_step(%r,%s))"

INTEGERS = """
_big=1795374261
_ok=_big*1000//1000==_big and _big+1-_big==1 and (1<<40)>>40==1
_f=float(_big)
print((_ok,'integers exact; floats '+('32' if int(_f)!=_big else '64')+' bit'))
"""

MEMORY = """
import gc
gc.collect()
print((gc.mem_free()>40000,'%d bytes of heap free beside the unit'%gc.mem_free()))
"""

ROOM = """
_s=os.statvfs('/')
print((_s[3]*_s[0]>65536,'%d KiB free'%(_s[3]*_s[0]//1024)))
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
 while not _w.isconnected() and _n<4*WIFI_S:
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
  from firmware.binroom import way as _w
  _k='certificate'
  _ctx=_w.tls_context(_net,_w.make_identity('',_net))
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
    needs: str
    problem: str = ""


NETWORK_PROBLEMS = ("wifi_unknown", "wifi_password", "broker_unknown", "certificate", "broker_refused")
LAMP_HOLD_MS = 300
WIFI_S = 20

TESTS = (
    Test("settings", PREPARE, "a board with its identity, network and keys"),
    Test("integers", INTEGERS, "32-bit floats: integers must be exact all the same"),
    Test("memory", MEMORY, "the heap of the board, its fragmentation at start"),
    Test("room", ROOM, "the true size of the flash"),
    Test("flash", ON_DEVICE % ("flash", 0), "real flash: writing and reading back"),
    Test("ticks", ON_DEVICE % ("ticks", 0), "the crystal and the interrupt latency"),
    Test(
        "lamps", ON_DEVICE % ("lamps", "HOLD"), "GPIO electrics: each lamp follows its pin, read back by its sense line"
    ),
    Test("buttons", ON_DEVICE % ("buttons", 0), "pull-ups and wiring of the keeper's buttons"),
    Test("sensors", ON_DEVICE % ("sensors", "6000 if _unit['sensors'] else 0"), "HX711, beam and ranger on real wires"),
    Test("wifi", WIFI, "radio, access point, password, signal strength", 45.0),
    Test("broker", BROKER, "name server, route, TLS memory and certificate, account", 45.0),
)


def run_tests(
    board: Board,
    contents: Contents,
    *,
    hold_ms: int = LAMP_HOLD_MS,
    wifi_s: int = WIFI_S,
    only: tuple[str, ...] = (),
    says: Callable[[str], None] = lambda _: None,
) -> list[Result]:
    """All steps in their order; a step that cannot start or hangs is a failed one, and ends the test.

    `hold_ms` is how long each lamp is held, long enough to be looked at, `wifi_s` how long to wait for the
    access point; `only` names the steps, empty for all.
    """
    results = []
    for test in TESTS:
        if only and test.name not in only:
            continue
        says(f"self test: {test.name}")
        program = test.program.replace("RELEASE", contents.current or "none").replace("HOLD", str(hold_ms))
        program = program.replace("WIFI_S", str(wifi_s))
        try:
            answer = board.ask(program, f"testing {test.name}", test.deadline_s)
        except FlashError as error:
            results.append(
                Result(test.name, False, str(error.facts.get("what", error.sentence)), test.needs, error.problem)
            )
            break
        ok, *rest = answer
        problem, seen = (rest[0], rest[1]) if len(rest) > 1 else ("", rest[0])
        results.append(Result(test.name, bool(ok), str(seen), test.needs, "" if ok else str(problem)))
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
