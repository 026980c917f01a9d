"""A server on a cluster of three nodes in this machine, which can lose a node, or its GCS.

python -m tests.cluster.cluster_server CONFIG, with the address of a Redis in RAY_REDIS_ADDRESS.
Commands on standard input: `lose node`, `lose gcs`, `restore gcs`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import ray
from ray import serve
from ray.cluster_utils import Cluster

from serve_app.launch import _deploy, _visit, _wait_until_running, load_serve_config, stop

TIMEOUT_S = 150.0
NODE = {"num_cpus": 2, "object_store_memory": 80 * 2**20}


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(config: str) -> None:
    schema = load_serve_config(Path(config))
    # Proxy and controller are on the head, replicas on the others.
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "num_cpus": 0})
    workers = [cluster.add_node(**NODE) for _ in range(2)]
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        options = schema.http_options
        serve.start(proxy_location="HeadOnly", http_options=options.model_dump())
        _deploy(schema)
        _wait_until_running([app.name for app in schema.applications], say, TIMEOUT_S)
        _visit("127.0.0.1", options.port)
        for line in sys.stdin:
            match line.split():
                case ["lose", "node"]:
                    cluster.remove_node(workers.pop(), allow_graceful=False)
                case ["lose", "gcs"]:
                    cluster.head_node.kill_gcs_server()
                case ["restore", "gcs"]:
                    cluster.head_node.start_gcs_server()
            sys.stdout.write("done\n")
            sys.stdout.flush()
    finally:
        stop(say)
        cluster.shutdown()


if __name__ == "__main__":
    os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", "120")
    main(sys.argv[1])
