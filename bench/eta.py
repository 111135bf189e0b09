"""The bridge's predictor on buses: for `../shared/bench/eta_bench.py`, and the table of figures.

    .venv/bin/python ../shared/bench/eta_bench.py capmetro bench.eta:Zhanpai
    .venv/bin/python -m bench.eta              # the same beside the three baselines, as ratios
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.arrival.buses import Zhanpai

__all__ = ["Zhanpai"]  # what the scorer asks of this module


def main() -> None:
    """Print the table of the bus bench for the product and the three baselines of the same run."""
    shared = Path(os.environ.get("ZP_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    scorer = shared / "bench" / "eta_bench.py"
    if not scorer.exists():
        print(f"skipped: {scorer} is not there; set ZP_SHARED to the folder that holds bench/ and data/")
        return
    print("lead 13.5-19.5: share of lamps that came on that many minutes before the bus; ratio to the product's")
    rows = {}
    for spec in ("bench.eta:Zhanpai", "eta_baselines:Schedule", "eta_baselines:Hist", "eta_baselines:Speed"):
        done = subprocess.run(
            [sys.executable, str(scorer), "capmetro", spec],
            cwd=Path(__file__).resolve().parents[1], capture_output=True, text=True, timeout=900, check=True,
        )
        error_min = re.search(r"10-15 min ahead:.*?MAE ([\d.]+)", done.stdout)
        shares = re.search(r"13\.5-19\.5 ([\d.]+) 13-17 ([\d.]+) 11-21 ([\d.]+) \| under 10 min ([\d.]+)", done.stdout)
        if error_min is None or shares is None:
            raise RuntimeError(f"the scorer printed something else for {spec}: {done.stdout}{done.stderr}")
        rows[spec] = (float(error_min[1]), *(float(each) for each in shares.groups()))
        ours = rows["bench.eta:Zhanpai"]
        error, hit, near, wide, short = rows[spec]
        print(
            f"{spec:24s} MAE 10-15 {error:.2f} min (x{error / ours[0]:.2f})"
            f" | 13.5-19.5 {hit:.3f} (x{hit / ours[1]:.2f})"
            f" 13-17 {near:.3f} 11-21 {wide:.3f} <10 {short:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
