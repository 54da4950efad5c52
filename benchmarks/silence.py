"""How often identity providers that speak are taken for silent, and how soon those that stop are (SPEC T5).

python -m benchmarks.silence
"""

import random
from datetime import date, timedelta

from tests.scim.rhythms import (
    COUNTRIES,
    DAY,
    JUDGED,
    RECORDINGS,
    TURNOVERS,
    alarms_of_halves,
    days_of,
    delay,
    delay_of_halves,
    false_alarms,
    longer_than,
)

SEEDS = 10
STOPS = 4  # of each recording


def main() -> None:
    print("false alarms a year, mean and most; of 14 days flat; told after days, half and nine of ten; never")
    for name, record in RECORDINGS.items():
        alarms, flat, delays = list[int](), 0, list[timedelta | None]()
        for country, calendar in COUNTRIES.items():
            for seed in range(SEEDS):
                dice = random.Random(f"{name} {country} {seed}")
                spoken = record(dice, calendar)
                alarms.append(false_alarms(spoken))
                flat += longer_than(spoken, 14 * DAY)
                delays += [delay(spoken, JUDGED + dice.random() * 300 * DAY) for _ in range(STOPS)]
        told = sorted(each / DAY for each in delays if each is not None)
        half, most = (told[int(len(told) * part)] for part in (0.5, 0.9))
        print(
            f"{name:26} {sum(alarms) / len(alarms):5.2f} {max(alarms):3} {flat / len(alarms):6.2f} "
            f"{half:6.1f} {most:6.1f} {delays.count(None) / len(delays):5.0%}"
        )

    print("removals told to be missing: false alarms a year, mean and most; told after days, half and nine of ten")
    for name, turnover in TURNOVERS.items():
        alarms, days = list[int](), list[int | None]()
        for country, calendar in COUNTRIES.items():
            for seed in range(SEEDS):
                dice = random.Random(f"{name} {country} {seed}")
                added, removed = days_of(turnover, dice, calendar)
                alarms.append(alarms_of_halves(removed, added))
                days += [delay_of_halves(removed, added, at) for at in _some_days(dice)]
        counted = sorted(each for each in days if each is not None)
        half_of, nine = (counted[int(len(counted) * part)] for part in (0.5, 0.9))
        never = days.count(None) / len(days)
        print(f"{name:36} {sum(alarms) / len(alarms):5.2f} {max(alarms):3} {half_of:6} {nine:6} {never:5.0%}")


def _some_days(dice: random.Random) -> list[date]:
    return [JUDGED.date() + dice.randrange(180) * DAY for _ in range(STOPS)]


if __name__ == "__main__":
    main()
