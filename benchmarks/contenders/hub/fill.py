"""Give the room a long log: `python -m benchmarks.contenders.hub.fill MESSAGES`.

By the hub's own way into the log, in full transactions, so that it is as long use would have made
it; PostgreSQL knows as much of it as it would by then.
"""

import sys

import django

django.setup()

from django.db import connection  # noqa: E402 - needs Django set up, as it now is

from chat.models import new_epoch  # noqa: E402 - likewise
from chat.store import PostDraft, append  # noqa: E402 - likewise

_BATCH = 500


def main(messages: int) -> None:
    """Append so many messages, by twenty senders in turn."""
    epoch = new_epoch()
    for start in range(0, messages, _BATCH):
        append(
            [
                PostDraft(
                    room="bench",
                    sender_key=f"g:{serial % 20}",
                    sender_name=f"Guest {serial % 20}",
                    epoch=epoch,
                    id=str(serial),
                    text=f"message {serial}, as long as what people write to each other",
                )
                for serial in range(start, min(start + _BATCH, messages))
            ]
        )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


if __name__ == "__main__":
    main(int(sys.argv[1]))
