"""A made-up timetable of a city's size as a stranger would write it: 184 runs out and back, 3,924 rooms, shapes."""

from pathlib import Path

RUNS, ROOMS = 184, 3_924
SHAPE_POINTS = 400
ROOMS_OF_RUN = 21  # 60 runs have one more: 184 * 21 + 60 = 3,924


def write_city(folder: Path, *, shapes: bool = True) -> Path:
    """Write the feed; each run has rooms of its own along a bent street, every second run is its route's way back."""
    folder.mkdir(parents=True, exist_ok=True)
    stops, trips, times, points = [], [], [], []
    number = 0
    for run in range(RUNS):
        south, west = 31.0 + (run % 14) * 0.015, 121.2 + (run // 14) * 0.03
        count = ROOMS_OF_RUN + (run < ROOMS - RUNS * ROOMS_OF_RUN)
        trips.append(f"route{run // 2},daily,trip{run},truck{run},{run % 2},{f'shape{run}' if shapes else ''},,0")
        order = range(count) if run % 2 == 0 else range(count - 1, -1, -1)
        for sequence, at in enumerate(order):
            second = 6 * 3600 + sequence * 300
            clock = [f"{t // 3600:02}:{t % 3600 // 60:02}:{t % 60:02}" for t in (second, second + 120)]
            times.append(f"trip{run},{clock[0]},{clock[1]},room{number + at},{sequence + 1},")
        stops += [f"room{number + at},\"站, 第{number + at}号\",{south + at * 0.0006:.6f},"
                  f"{west + (at % 3) * 0.0004:.6f},estate{(number + at) // 4},0,,1" for at in range(count)]  # fmt: skip
        if shapes:
            along = range(SHAPE_POINTS) if run % 2 == 0 else range(SHAPE_POINTS - 1, -1, -1)
            points += [f"shape{run},{south - 0.0003 + 0.0135 * at / SHAPE_POINTS:.6f},{west:.6f},{sequence}"
                       for sequence, at in enumerate(along)]  # fmt: skip
        number += count
    _write(folder, "agency", "agency_id,agency_name,agency_url,agency_timezone,agency_lang",
           ["city,Some city,https://city.invalid/,Asia/Shanghai,zh"])  # fmt: skip
    _write(folder, "stops", "stop_id,stop_name,stop_lat,stop_lon,estate_id,location_type,parent_station,"
           "wheelchair_boarding", stops)  # fmt: skip
    _write(folder, "routes", "route_id,agency_id,route_short_name,route_long_name,route_type,route_color,waste_kind",
           [f"route{n},city,{n},,3,00FF00,residential_wet" for n in range(RUNS // 2)])  # fmt: skip
    _write(folder, "trips", "route_id,service_id,trip_id,truck_id,direction_id,shape_id,trip_headsign,bikes_allowed",
           trips)  # fmt: skip
    _write(folder, "stop_times", "trip_id,arrival_time,departure_time,stop_id,stop_sequence,stop_headsign", times)
    week = "monday,tuesday,wednesday,thursday,friday,saturday,sunday"
    _write(folder, "calendar", f"service_id,{week},start_date,end_date", ["daily,1,1,1,1,1,1,1,20260101,20991231"])
    _write(folder, "fare_attributes", "fare_id,price,currency_type,payment_method,transfers", ["one,2,CNY,0,0"])
    if shapes:
        _write(folder, "shapes", "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence", points)
    return folder


def _write(folder: Path, name: str, header: str, rows: list[str]) -> None:
    """As a spreadsheet writes: a byte order mark and CR LF."""
    (folder / f"{name}.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join([header, *rows, ""]).encode())
