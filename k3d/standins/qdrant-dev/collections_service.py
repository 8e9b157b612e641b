"""qdrant.Collections: get, list, create, delete, exists."""

import time

import grpc
from qdrant_client.grpc import collections_pb2 as pb
from qdrant_client.grpc import collections_service_pb2_grpc

MAX_DIMENSIONS = 65536


class Collections(collections_service_pb2_grpc.CollectionsServicer):
    def __init__(self, store):
        self.store = store

    def Get(self, request, context):
        began = time.perf_counter()
        collection = self.store.get(request.collection_name)
        if collection is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Not found: Collection `{request.collection_name}` doesn't exist!")
        with collection.lock:
            points = collection.shard.info().points_count
        vectors = pb.VectorsConfig(
            params=pb.VectorParams(size=collection.size, distance=pb.Distance.Value(collection.distance))
        )
        info = pb.CollectionInfo(
            status=pb.CollectionStatus.Green,
            optimizer_status=pb.OptimizerStatus(ok=True),
            segments_count=1,
            points_count=points,
            config=pb.CollectionConfig(
                params=pb.CollectionParams(shard_number=1, vectors_config=vectors),
                # The server's defaults; clients that decode strictly want them present.
                hnsw_config=pb.HnswConfigDiff(m=16, ef_construct=100, full_scan_threshold=10000),
                optimizer_config=pb.OptimizersConfigDiff(
                    deleted_threshold=0.2, vacuum_min_vector_number=1000, default_segment_number=0, flush_interval_sec=5
                ),
                wal_config=pb.WalConfigDiff(wal_capacity_mb=32, wal_segments_ahead=0),
            ),
        )
        return pb.GetCollectionInfoResponse(result=info, time=time.perf_counter() - began)

    def List(self, request, context):
        names = [pb.CollectionDescription(name=name) for name in self.store.names()]
        return pb.ListCollectionsResponse(collections=names, time=0.0)

    def CollectionExists(self, request, context):
        exists = self.store.get(request.collection_name) is not None
        return pb.CollectionExistsResponse(result=pb.CollectionExists(exists=exists), time=0.0)

    def Create(self, request, context):
        params = request.vectors_config.params
        distance = pb.Distance.Name(params.distance)
        if not 1 <= params.size <= MAX_DIMENSIONS or distance == "UnknownDistance":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Wrong input: vectors need a size and a distance")
        if not self.store.create(request.collection_name, params.size, distance):
            context.abort(
                grpc.StatusCode.ALREADY_EXISTS, f"Wrong input: Collection `{request.collection_name}` already exists!"
            )
        return pb.CollectionOperationResponse(result=True, time=0.0)

    def Delete(self, request, context):
        return pb.CollectionOperationResponse(result=self.store.delete(request.collection_name), time=0.0)
