"""On a cluster of three primaries with a replica each: what is promised, how bytes are spread, and slots that move
under uploads and downloads."""

from __future__ import annotations

import io
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis
from redis.crc import key_slot

from backoffice.domain.files import File, FileSpec
from backoffice.domain.paging import Query
from backoffice.errors import Unavailable
from backoffice.settings import Settings
from backoffice.start import check_store
from backoffice.stores.chunk_keys import chunk_key
from backoffice.stores.client import Db, connect
from backoffice.stores.cluster_state import cluster_state
from backoffice.stores.durability import RedisDurability, server_info
from tests.support.cluster import SLOTS, ReplicatedCluster, run_replicated_cluster, stopped
from tests.support.servers import wait_for
from tests.support.uploads import ALICE, CHUNK, KEYS, LIMITS, World, chunk_store

pytestmark = pytest.mark.topology

ROOMY = replace(LIMITS, max_file_size=10**6, quota=10**9)
CHUNKS = 200
"""Of a file: four groups of 64."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicatedCluster]:
    with run_replicated_cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture
def client(cluster: ReplicatedCluster) -> Iterator[Any]:
    with closing(connect(cluster.url)) as found:
        found.flushall(target_nodes="primaries")
        yield found


def test_it_is_taken_for_a_store(client: Any) -> None:
    check_store(Settings(), client)


def test_the_level_waits_for_a_replica_of_every_primary(cluster: ReplicatedCluster, client: Any) -> None:
    durability = RedisDurability(Db(client), KEYS, replicas=1)
    assert durability.level == "replica:1"
    durability.barrier()
    for replica in cluster.replicas:
        with stopped(replica.pid), pytest.raises(Unavailable, match="replicas"):
            durability.barrier()
    durability.barrier()
    with pytest.raises(Unavailable):
        RedisDurability(Db(client), KEYS, replicas=2).barrier()


def test_a_replica_that_is_lost_is_told(cluster: ReplicatedCluster, client: Any) -> None:
    def alone() -> list[str]:
        found = cluster_state(client)
        assert found is not None
        assert (len(found.primaries), found.unserved) == (3, 0)
        return list(found.alone)

    assert (alone(), int(server_info(Db(client))["replicas_near"])) == ([], 1)
    of = cluster.primaries[1]
    with stopped(cluster.replicas[1].pid):
        wait_for(lambda: alone() == [f"127.0.0.1:{of.port}"], "the others miss it", 30)
        wait_for(lambda: int(server_info(Db(client))["replicas_near"]) == 0, "its primary misses it", 30)
        assert server_info(Db(client))["replicas_of"] == f"127.0.0.1:{of.port}"
    wait_for(lambda: not alone() and int(server_info(Db(client))["replicas_near"]) == 1, "it is back", 30)


def test_nothing_is_acknowledged_while_a_shard_has_no_replica(cluster: ReplicatedCluster, client: Any) -> None:
    world = World.over(client, ROOMY)
    world.service.completion.durability._replicas = 1
    world.stored(ALICE, [b"kept"], name="one")
    with stopped(cluster.replicas[1].pid), pytest.raises(Unavailable):
        world.stored(ALICE, [b"not acknowledged"], name="two")
    world.stored(ALICE, [b"kept"], name="three")


@pytest.mark.parametrize("parts", [1, CHUNKS])
def test_no_record_comes_before_its_bytes_have_their_replicas(
    cluster: ReplicatedCluster, client: Any, parts: int
) -> None:
    """So whichever replica takes over has the bytes of each file that there is, acknowledged or not."""
    world = World.over(client, ROOMY)
    world.chunks._durability = world.service.completion.durability  # one object, as the product has it
    world.service.completion.durability._replicas = 1
    content = b"x" * CHUNK * parts

    def store() -> File:
        return world.service.upload_stream(ALICE, FileSpec("a.bin"), io.BytesIO(content).readinto, len(content))

    control = cluster.owner(key_slot(KEYS.install))
    others = [
        replica.pid for primary, replica in zip(cluster.primaries, cluster.replicas, strict=True) if primary != control
    ]
    with stopped(*others):
        for _ in range(3 if parts == 1 else 1):
            with pytest.raises(Unavailable):
                store()
    for one in world.files.page(Query(filters=(("owner", ALICE.id),))).items:
        # It has a single chunk, which lies beside the records, where there is a replica.
        assert (one.total_chunks, cluster.owner(key_slot(chunk_key(one.id, 0)))) == (1, control)
    assert world.read(ALICE, store().id) == content
    world.assert_sound()


def shares(cluster: ReplicatedCluster, file_id: str, total: int) -> list[int]:
    owners = [cluster.owner(first).port for first in (0, SLOTS // 3 + 10, SLOTS - 1)]
    assert len(set(owners)) == 3
    found = Counter(dict.fromkeys(owners, 0))
    third = -(-SLOTS // 3)
    for index in range(total):
        found[owners[key_slot(chunk_key(file_id, index)) // third]] += 1
    return sorted(found.values())


@pytest.mark.parametrize("total", [954, 1500, 3000, 30_000])
def test_chunks_of_a_large_file_lie_evenly(cluster: ReplicatedCluster, client: Any, total: int) -> None:
    """954 chunks of 2 MiB are 2 GB."""
    chunks = chunk_store(Db(client))
    for _ in range(5):
        found = shares(cluster, chunks.new_id(total), total)
        assert found[-1] <= 1.1 * total / 3, found
        assert found[0] >= 0.9 * total / 3, found


def test_a_file_goes_to_all_shards_and_back(client: Any) -> None:
    world = World.over(client, ROOMY)
    parts = [bytes([number % 256]) * 100 for number in range(CHUNKS)]
    file = world.stored(ALICE, parts, name="large")
    nodes = {client.get_node_from_key(chunk_key(file.id, index)).name for index in range(CHUNKS)}
    assert len(nodes) == 3
    assert world.read(ALICE, file.id) == b"".join(parts)
    world.assert_sound()


def test_slots_move_under_uploads_and_downloads(cluster: ReplicatedCluster, client: Any) -> None:
    """Each slot that has keys goes to another primary, that of the records as well."""
    over, wrong, stored = threading.Event(), [], []
    refused: Counter[str] = Counter()
    parts = [bytes([number % 256]) * 50 for number in range(CHUNKS)]

    def work(number: int) -> None:
        with closing(connect(cluster.url)) as own:
            world, round_ = World.over(own, ROOMY), 0
            while not over.is_set():
                round_ += 1
                try:
                    file = world.stored(ALICE, parts, name=f"{number}-{round_}")
                    stored.append(file.id)
                    if world.read(ALICE, file.id) != b"".join(parts):
                        wrong.append("other bytes")
                except Unavailable:
                    refused["503"] += 1
                except Exception as error:  # noqa: BLE001 -- whatever it is, it is what is looked for
                    wrong.append(repr(error))

    world = World.over(client, ROOMY)  # enrols whom both are
    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    chosen = random.Random(7)  # noqa: S311 -- the same each time
    try:
        control = key_slot(KEYS.install)
        for turn in range(60):
            used = [slot for one in cluster.primaries for slot in _some_slots(one.port)]
            slot = control if turn % 10 == 0 else chosen.choice(used or [control])
            cluster.move(slot, chosen.choice([one for one in cluster.primaries if one != cluster.owner(slot)]))
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not wrong, wrong[:3]
    assert len(stored) > 2
    for file_id in stored:
        assert world.read(ALICE, file_id) == b"".join(parts)
    world.assert_sound()


def _some_slots(port: int) -> list[int]:
    with Redis(port=port, socket_timeout=10) as client:
        keys = client.scan(count=50)[1]
    return [key_slot(key) for key in keys]
