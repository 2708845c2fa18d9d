"""Read and write side of the durable views in one object, as most callers need them."""

from streams.sinks.cassandra.reader import CassandraReader
from streams.sinks.cassandra.sink import CassandraSink
from streams.sinks.cassandra.tables.story_expiries import CassandraExpiries


class CassandraStore(CassandraSink, CassandraReader):
    """A ViewSink and a ViewReader over one session; `expiries` is its ExpiryIndex."""

    @property
    def expiries(self) -> CassandraExpiries:
        return CassandraExpiries(self._session)
