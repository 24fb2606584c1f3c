"""This hub, with its full path: access, limits, commit to SQLite, log, presence."""
