"""The methods, each: admit, check the right, do, answer."""

import functools
import time

import grpc as grpc_server
import qdrant_edge as edge
from qdrant_client import grpc
from qdrant_client.grpc import collections_service_pb2_grpc, points_service_pb2_grpc, qdrant_pb2_grpc

from . import convert
from .access import READ, WRITE
from .errors import Failure, unserved, wrong_input

VERSION = "1.20.0-stand-in"
DEFAULT_LIMIT = 10


def served(method):
    """Admits the caller, measures, and turns failures into statuses. The method gets the caller's access."""

    @functools.wraps(method)
    def handler(self, request, context):
        begun = time.monotonic()
        try:
            access = self.keeper.admit(context.invocation_metadata())
            answer = method(self, request, access)
        except Failure as failure:
            context.abort(failure.code, failure.message)
        except (ValueError, TypeError) as error:
            context.abort(grpc_server.StatusCode.INVALID_ARGUMENT, f"Wrong input: {error}")
        except Exception as error:  # noqa: BLE001: whatever the engine says is the answer
            context.abort(grpc_server.StatusCode.INTERNAL, f"Service internal error: {error}")
        if "time" in answer.DESCRIPTOR.fields_by_name:
            answer.time = time.monotonic() - begun
        return answer

    return handler


class Service:
    def __init__(self, keeper, storage):
        self.keeper = keeper
        self.storage = storage

    def opened(self, request, access, right):
        access.require(request.collection_name, right)
        return self.storage.get(request.collection_name)


class Health(Service, qdrant_pb2_grpc.QdrantServicer):
    @served
    def HealthCheck(self, request, access):
        return grpc.HealthCheckReply(title="qdrant-dev, a stand-in for Qdrant", version=VERSION)


class Collections(Service, collections_service_pb2_grpc.CollectionsServicer):
    @served
    def List(self, request, access):
        names = [name for name in self.storage.names() if access.sees(name)]
        described = [grpc.CollectionDescription(name=name) for name in names]
        return grpc.ListCollectionsResponse(collections=described)

    @served
    def CollectionExists(self, request, access):
        access.require(request.collection_name, READ)
        exists = request.collection_name in self.storage.names()
        return grpc.CollectionExistsResponse(result=grpc.CollectionExists(exists=exists))

    @served
    def Create(self, request, access):
        access.require_global_manage()
        if request.vectors_config.WhichOneof("config") != "params":
            raise unserved("collections without exactly one unnamed dense vector")
        params = request.vectors_config.params
        if params.distance not in convert.DISTANCES:
            raise wrong_input("unknown distance")
        self.storage.create(
            request.collection_name,
            params.size,
            params.distance,
            convert.DISTANCES[params.distance],
        )
        return grpc.CollectionOperationResponse(result=True)

    @served
    def Delete(self, request, access):
        access.require_global_manage()
        return grpc.CollectionOperationResponse(result=self.storage.delete(request.collection_name))

    @served
    def Get(self, request, access):
        collection = self.opened(request, access, READ)
        info = collection.read("info")
        params = grpc.VectorParams(size=collection.dimensions, distance=collection.distance)
        config = grpc.CollectionConfig(
            params=grpc.CollectionParams(
                shard_number=1, vectors_config=grpc.VectorsConfig(params=params)
            ),
            # Clients insist on these; the values are the engine's defaults.
            hnsw_config=grpc.HnswConfigDiff(m=16, ef_construct=100, full_scan_threshold=10_000),
            optimizer_config=grpc.OptimizersConfigDiff(
                deleted_threshold=0.2,
                vacuum_min_vector_number=1000,
                default_segment_number=0,
                flush_interval_sec=5,
            ),
            wal_config=grpc.WalConfigDiff(wal_capacity_mb=32, wal_segments_ahead=0),
        )
        schema = {
            field: grpc.PayloadSchemaInfo(data_type=PAYLOAD_TYPES[kind])
            for field, kind in collection.indexes.items()
        }
        return grpc.GetCollectionInfoResponse(
            result=grpc.CollectionInfo(
                status=grpc.CollectionStatus.Green,
                optimizer_status=grpc.OptimizerStatus(ok=True),
                segments_count=info.segments_count,
                points_count=info.points_count,
                indexed_vectors_count=info.indexed_vectors_count,
                config=config,
                payload_schema=schema,
            )
        )


PAYLOAD_TYPES = {
    grpc.FieldType.FieldTypeKeyword: grpc.PayloadSchemaType.Keyword,
    grpc.FieldType.FieldTypeInteger: grpc.PayloadSchemaType.Integer,
    grpc.FieldType.FieldTypeFloat: grpc.PayloadSchemaType.Float,
    grpc.FieldType.FieldTypeText: grpc.PayloadSchemaType.Text,
    grpc.FieldType.FieldTypeBool: grpc.PayloadSchemaType.Bool,
    grpc.FieldType.FieldTypeDatetime: grpc.PayloadSchemaType.Datetime,
    grpc.FieldType.FieldTypeUuid: grpc.PayloadSchemaType.Uuid,
}


class Points(Service, points_service_pb2_grpc.PointsServicer):
    @served
    def Upsert(self, request, access):
        collection = self.opened(request, access, WRITE)
        points = [convert.point_of(each, collection.dimensions) for each in request.points]
        if not points:
            raise wrong_input("Empty update request")
        condition = request.update_filter if request.HasField("update_filter") else None
        mode = convert.UPDATE_MODES.get(request.update_mode)
        operation = edge.UpdateOperation.upsert_points(
            points, condition=convert.filter_of(condition), update_mode=mode
        )
        return done(collection.update(operation))

    @served
    def Delete(self, request, access):
        collection = self.opened(request, access, WRITE)
        kind = request.points.WhichOneof("points_selector_one_of")
        if kind == "points":
            ids = [convert.point_id(each) for each in request.points.points.ids]
            operation = edge.UpdateOperation.delete_points(ids)
        elif kind == "filter":
            wanted = convert.filter_of(request.points.filter) or edge.Filter()
            operation = edge.UpdateOperation.delete_points_by_filter(wanted)
        else:
            raise wrong_input("PointSelector is missing")
        return done(collection.update(operation))

    @served
    def CreateFieldIndex(self, request, access):
        collection = self.opened(request, access, WRITE)
        kind = convert.FIELD_TYPES.get(request.field_type)
        if kind is None:
            raise unserved("indexes of this type")
        return done(collection.add_index(request.field_name, kind, request.field_type))

    @served
    def Get(self, request, access):
        collection = self.opened(request, access, READ)
        payload = convert.payload_wanted(
            request.with_payload, request.HasField("with_payload"), True
        )
        vectors = convert.vectors_wanted(request.with_vectors, request.HasField("with_vectors"))
        ids = [convert.point_id(each) for each in request.ids]
        records = collection.read("retrieve", ids, with_payload=payload, with_vector=vectors)
        return grpc.GetResponse(result=[convert.wire_record(each) for each in records])

    @served
    def Scroll(self, request, access):
        collection = self.opened(request, access, READ)
        if request.HasField("order_by"):
            raise unserved("order_by")
        limit = request.limit if request.HasField("limit") else DEFAULT_LIMIT
        if limit < 1:
            raise wrong_input("limit must be 1 or more")
        wanted = edge.ScrollRequest(
            offset=convert.point_id(request.offset) if request.HasField("offset") else None,
            limit=limit,
            filter=convert.filter_of(request.filter if request.HasField("filter") else None),
            with_payload=convert.payload_wanted(
                request.with_payload, request.HasField("with_payload"), True
            ),
            with_vector=convert.vectors_wanted(
                request.with_vectors, request.HasField("with_vectors")
            ),
        )
        records, following = collection.read("scroll", wanted)
        answer = grpc.ScrollResponse(result=[convert.wire_record(each) for each in records])
        if following is not None:
            answer.next_page_offset.CopyFrom(convert.wire_id(following))
        return answer

    @served
    def Count(self, request, access):
        collection = self.opened(request, access, READ)
        wanted = edge.CountRequest(
            exact=request.exact if request.HasField("exact") else True,
            filter=convert.filter_of(request.filter if request.HasField("filter") else None),
        )
        return grpc.CountResponse(result=grpc.CountResult(count=collection.read("count", wanted)))

    @served
    def Query(self, request, access):
        collection = self.opened(request, access, READ)
        if request.prefetch or request.using:
            raise unserved("prefetch and named vectors")
        wanted = edge.QueryRequest(
            limit=request.limit if request.HasField("limit") else DEFAULT_LIMIT,
            offset=request.offset if request.HasField("offset") else 0,
            query=nearest(request, collection.dimensions),
            filter=convert.filter_of(request.filter if request.HasField("filter") else None),
            score_threshold=(
                request.score_threshold if request.HasField("score_threshold") else None
            ),
            with_payload=convert.payload_wanted(
                request.with_payload, request.HasField("with_payload"), False
            ),
            with_vector=convert.vectors_wanted(
                request.with_vectors, request.HasField("with_vectors")
            ),
        )
        found = collection.read("query", wanted)
        return grpc.QueryResponse(result=[convert.wire_scored(each) for each in found])


def nearest(request, dimensions):
    if not request.HasField("query"):
        return None
    kind = request.query.WhichOneof("variant")
    if kind != "nearest" or request.query.nearest.WhichOneof("variant") != "dense":
        raise unserved("queries other than by one dense vector")
    numbers = list(request.query.nearest.dense.data)
    if len(numbers) != dimensions:
        raise convert.wrong_dimension(dimensions, len(numbers))
    return edge.Query.Nearest(numbers)


def done(number):
    result = grpc.UpdateResult(operation_id=number, status=grpc.UpdateStatus.Completed)
    return grpc.PointsOperationResponse(result=result)
