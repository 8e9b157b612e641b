"""Development stand-in for a Qdrant server: its gRPC contract over its own engine.

There is no package of the real server for a machine without containers. This serves the methods that the product calls, with
the servicer stubs of `qdrant-client` and the engine of `qdrant-edge-py`, and checks keys and tokens as the server does.
It is no server to run for anybody else: one process, no cluster, no snapshots.
"""

import argparse
import signal
import threading
from concurrent import futures
from pathlib import Path

import grpc
from qdrant_client.grpc import collections_service_pb2_grpc, points_service_pb2_grpc, qdrant_pb2, qdrant_pb2_grpc

from access import AccessInterceptor
from collections_service import Collections
from points_service import Points
from store import Store

MAX_MESSAGE = 64 * 1024 * 1024


class Health(qdrant_pb2_grpc.QdrantServicer):
    def HealthCheck(self, request, context):
        return qdrant_pb2.HealthCheckReply(title="qdrant-dev stand-in over qdrant-edge", version="1.16.0")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=6334)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--api-key-file", type=Path, required=True)
    settings = arguments.parse_args()

    store = Store(settings.data)
    key = settings.api_key_file.read_text().strip()
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=16),
        interceptors=[AccessInterceptor(key)],
        options=[("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)],
    )
    qdrant_pb2_grpc.add_QdrantServicer_to_server(Health(), server)
    collections_service_pb2_grpc.add_CollectionsServicer_to_server(Collections(store), server)
    points_service_pb2_grpc.add_PointsServicer_to_server(Points(store), server)
    if server.add_insecure_port(f"{settings.host}:{settings.port}") == 0:
        raise SystemExit(f"cannot listen on {settings.host}:{settings.port}")
    server.start()
    print(f"listening on {settings.host}:{settings.port}", flush=True)

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    stopping.wait()
    server.stop(grace=2).wait()
    store.close()


if __name__ == "__main__":
    main()
