"""Deleting rooms with their logs, on both databases."""

from concurrent.futures import ThreadPoolExecutor

from django.db import connections, transaction

from chat import moderation, store
from chat.models import Act, Message, Room
from chat.store import Actor
from tests.store.drafts import in_threads, post, say, seqs, wait_for_a_lock

BY = Actor(key="u:9", name="mod", via=Act.Via.ADMIN)


def test_rooms_are_deleted_while_somebody_posts_to_them(database: str) -> None:
    """Even in a transaction of the caller's, who names them in another order than posts take."""
    for slug in ("z", "a"):
        store.create_room(slug)
        say(1, slug)
    first, second = Room.objects.using(database).order_by("pk")

    def delete() -> None:
        with transaction.atomic(using=database):
            moderation.delete_rooms([second, first], by=BY)

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic(using=database):
            store.append([post(2, first.slug)])
            deleting = threads.submit(in_threads, [delete])
            if connections[database].vendor == "postgresql":
                wait_for_a_lock(database)
            assert seqs(store.append([post(2, second.slug)])) == [2]
        deleting.result()
    assert not Room.objects.using(database).exists()
    assert not Message.objects.using(database).exists()
