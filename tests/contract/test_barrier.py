"""What a barrier of replicas promises: that this server, and so its replicas, have the commit before it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from redis.cluster import RedisCluster

from backoffice.domain.actions import Actions
from backoffice.domain.audit import AuditEvent
from backoffice.errors import Unavailable
from backoffice.stores.client import Db, connect
from backoffice.stores.durability import RedisDurability
from backoffice.stores.keys import Keys
from backoffice.stores.records.commit import Commit
from tests.support.sentinel import run_sentinel
from tests.support.servers import wait_for
from tests.support.uploads import ALICE

KEYS = Keys("t")


def test_a_server_that_does_not_have_the_commit_gives_no_barrier(tmp_path: Path) -> None:
    """As one that became the primary between the two: its replicas may confirm as much as they like."""
    with run_sentinel(tmp_path) as (url, _), closing(connect(url)) as client:
        db = Db(client)
        durability = RedisDurability(db, KEYS, replicas=1)
        wait_for(lambda: db.call("WAIT", 1, 100) == 1, "the replica follows")
        for lost in (False, True):
            Commit(KEYS, AuditEvent(Actions.SYSTEM_REPAIR, ALICE)).run(db)
            if lost:
                [request] = [key for key in client.keys("*request*") if db.call("TTL", key) > 118]
                db.call("DEL", request)
                with pytest.raises(Unavailable, match="send it again"):
                    durability.barrier()
            else:
                durability.barrier()
                client.delete(*client.keys("*request*"))
                durability.barrier()  # of nothing in particular: the file was there before this request


def test_a_cluster_with_a_log_says_how_it_is_synced(cluster: RedisCluster) -> None:
    """Each upload asks for the level: it must be an answer, whatever the settings."""
    for synced, level in (("everysec", "os"), ("always", "disk")):
        cluster.config_set("appendonly", "yes", target_nodes=RedisCluster.PRIMARIES)
        cluster.config_set("appendfsync", synced, target_nodes=RedisCluster.PRIMARIES)
        try:
            assert RedisDurability(Db(cluster), KEYS).level == level
        finally:
            cluster.config_set("appendonly", "no", target_nodes=RedisCluster.PRIMARIES)
            cluster.config_set("appendfsync", "everysec", target_nodes=RedisCluster.PRIMARIES)
