"""Which servers the tests run against, and how much memory each may take."""

import os

KAFKA_VERSION = "4.1.0"
ELASTICSEARCH_VERSION = "9.5.3"
HEAP = os.environ.get("TAILRACE_TEST_HEAP", "512m")
