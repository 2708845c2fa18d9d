"""The command `storyline`, with Spark settings for lakes of a few rows.

python -m tests.support.quick_storyline lake run --once
"""

from jobs.session import LOCAL_CONF
from streams.cli.main import main
from tests.support.sparks import FEW_ROWS

if __name__ == "__main__":
    LOCAL_CONF.update(FEW_ROWS)
    main()
