"""python -m tests.simulation SEED: one run, step by step."""

import sys

from tests.simulation.quiet import quiet
from tests.simulation.schedule import Schedule

if __name__ == "__main__":
    with quiet():
        schedule = Schedule(int(sys.argv[1]))
        schedule.run()
        print(schedule.report())
