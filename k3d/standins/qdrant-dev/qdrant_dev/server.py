"""The process: arguments, the server, an orderly end."""

import argparse
import concurrent.futures
import pathlib
import signal
import threading

import grpc
from qdrant_client.grpc import collections_service_pb2_grpc, points_service_pb2_grpc, qdrant_pb2_grpc

from .access import Keeper
from .services import Collections, Health, Points
from .storage import Storage

THREADS = 16
# The real server's default is 32 MB.
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
GRACE_SECONDS = 2


def main(arguments=None):
    options = parser().parse_args(arguments)
    key = pathlib.Path(options.api_key_file).read_text(encoding="utf-8").strip()
    if not key:
        raise SystemExit("the file of --api-key-file is empty")
    storage = Storage(options.data)
    server = build(Keeper(key), storage)
    listen(server, f"{options.host}:{options.port}")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    server.start()
    print(f"qdrant-dev listens on {options.host}:{options.port}, data in {options.data}", flush=True)
    ended.wait()
    server.stop(GRACE_SECONDS).wait()
    storage.close()
    return 0


def listen(server, address):
    try:
        server.add_insecure_port(address)
    except RuntimeError:
        raise SystemExit(f"cannot listen on {address}") from None


def build(keeper, storage):
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(THREADS),
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
            # A second process on the port is an error, not a partner.
            ("grpc.so_reuseport", 0),
            # Clients that keep idle connections alive ping more often than the default allows.
            ("grpc.http2.min_ping_interval_without_data_ms", 1000),
            ("grpc.keepalive_permit_without_calls", 1),
        ],
    )
    qdrant_pb2_grpc.add_QdrantServicer_to_server(Health(keeper, storage), server)
    collections_service_pb2_grpc.add_CollectionsServicer_to_server(
        Collections(keeper, storage), server
    )
    points_service_pb2_grpc.add_PointsServicer_to_server(Points(keeper, storage), server)
    return server


def parser():
    parser = argparse.ArgumentParser(prog="qdrant-dev", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=6334)
    parser.add_argument("--data", required=True, help="directory that keeps the collections")
    parser.add_argument("--api-key-file", required=True, help="file with the API key")
    return parser
