"""Programs that run at a board's prompt. MicroPython of any port; integers only; each prints one literal at its end."""

IDENTIFY = """
import sys
_i=sys.implementation
_u=b''
try:
 import machine
 _u=machine.unique_id()
except (ImportError,AttributeError):
 pass
print((sys.platform,tuple(_i[1])[:3],getattr(_i,'_machine',''),getattr(_i,'_mpy',0),_u))
"""

CAN_SHOW_CERTIFICATES = """
try:
 import ssl
 print(hasattr(ssl.SSLContext,'load_cert_chain'))
except ImportError:
 print(False)
"""

# Armed anew so that it cannot bite while the prompt is held, and does bite if the technician walks away.
# A board without a release has started none, and gets none.
WATCHDOG = """
import os
try:
 os.stat('/current')
 import machine
 try:
  _zw=machine.WDT(timeout=120000)
 except ValueError:
  _zw=machine.WDT(timeout=8300)
 print(True)
except (OSError,ImportError,AttributeError):
 print(False)
"""
FEED = "_zw.feed()\n"

INVENTORY = """
import os,hashlib
try:
 _feed=_zw.feed
except NameError:
 _feed=lambda:None
_b=bytearray(512)
def _hash(p):
 h=hashlib.sha256()
 with open(p,'rb') as f:
  while True:
   n=f.readinto(_b)
   if not n: break
   h.update(_b if n==512 else memoryview(_b)[:n])
 return ''.join('%02x'%x for x in h.digest())
def _walk(d):
 try:
  l=list(os.ilistdir(d))
 except OSError:
  return
 print(repr(('d',d)))
 for e in l:
  p=d+'/'+e[0]
  _feed()
  if e[1]&0x4000:
   _walk(p)
  else:
   print(repr(('f',p,os.stat(p)[6],_hash(p))))
for _p in ROOTS:
 _walk(_p)
for _p in FILES:
 try:
  print(repr(('f',_p,os.stat(_p)[6],_hash(_p))))
 except OSError:
  pass
def _text(p):
 try:
  with open(p) as f: return f.read(4096)
 except (OSError,UnicodeError):
  return None
_s=os.statvfs('/')
print((_s[0],_s[3],_text('/current'),_text('/former'),_text('/config/unit.json'),_text('/state/boot.json'),_text('/state/calibration.json')))
"""


def inventory(roots: tuple[str, ...], files: tuple[str, ...]) -> str:
    """INVENTORY for these folders and single files."""
    return INVENTORY.replace("ROOTS", repr(roots)).replace("FILES", repr(files))


COPY = """
import os
_b=bytearray(1024)
with open(SOURCE,'rb') as _i:
 with open(FRESH,'wb') as _o:
  while True:
   _n=_i.readinto(_b)
   if not _n: break
   _o.write(memoryview(_b)[:_n])
os.rename(FRESH,TARGET)
"""


def copy(source: str, target: str, fresh: str) -> str:
    """COPY of one file by way of a temporary one."""
    return COPY.replace("SOURCE", repr(source)).replace("FRESH", repr(fresh)).replace("TARGET", repr(target))


READ = """
def _read(p):
 try:
  with open(p,'rb') as f: return f.read()
 except OSError:
  return None
"""
