"""qdrant.Points: upsert, delete, get, create_field_index, scroll, count, query."""

import functools
import time

import grpc
import qdrant_edge as edge
from qdrant_client.grpc import points_pb2 as pb
from qdrant_client.grpc import points_service_pb2_grpc
from values import Unsupported, filter_, plain, point_id, vector, wire, wire_id

DEFAULT_LIMIT = 10


def on_collection(method):
    """Looks the collection up, holds it, and turns what is wrong into the server's status codes."""

    @functools.wraps(method)
    def call(self, request, context):
        began = time.perf_counter()
        collection = self.store.get(request.collection_name)
        if collection is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Not found: Collection `{request.collection_name}` doesn't exist!")
        try:
            with collection.lock:
                response = method(self, collection, request)
        except (Unsupported, ValueError, TypeError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"Wrong input: {error}")
        response.time = time.perf_counter() - began
        return response

    return call


class Points(points_service_pb2_grpc.PointsServicer):
    def __init__(self, store):
        self.store = store

    @on_collection
    def Upsert(self, collection, request):
        points = []
        for point in request.points:
            numbers = vector(point.vectors.vector)
            if len(numbers) != collection.size:
                raise ValueError(f"Vector dimension error: expected dim: {collection.size}, got {len(numbers)}")
            payload = {key: plain(value) for key, value in point.payload.items()}
            points.append(edge.Point(point_id(point.id), numbers, payload))
        collection.shard.update(edge.UpdateOperation.upsert_points(points))
        if request.wait:
            collection.shard.flush()
        return done()

    @on_collection
    def Delete(self, collection, request):
        selector = request.points
        if selector.WhichOneof("points_selector_one_of") == "points":
            ids = [point_id(id_) for id_ in selector.points.ids]
            collection.shard.update(edge.UpdateOperation.delete_points(ids))
        else:
            chosen = filter_(selector.filter)
            if chosen is None:
                raise ValueError("a delete needs points or a filter")
            collection.shard.update(edge.UpdateOperation.delete_points_by_filter(chosen))
        return done()

    @on_collection
    def Get(self, collection, request):
        ids = [point_id(id_) for id_ in request.ids]
        records = collection.shard.retrieve(ids, with_payload=True, with_vector=with_vectors(request))
        return pb.GetResponse(result=[retrieved(record) for record in records])

    @on_collection
    def CreateFieldIndex(self, collection, request):
        # The engine filters without an index too; for a development server the difference is only speed.
        return done()

    @on_collection
    def Scroll(self, collection, request):
        offset = point_id(request.offset) if request.HasField("offset") else None
        scroll = edge.ScrollRequest(
            offset=offset,
            limit=request.limit or DEFAULT_LIMIT,
            filter=filter_(request.filter),
            with_payload=True,
            with_vector=with_vectors(request),
        )
        records, following = collection.shard.scroll(scroll)
        response = pb.ScrollResponse(result=[retrieved(record) for record in records])
        if following is not None:
            response.next_page_offset.CopyFrom(wire_id(following))
        return response

    @on_collection
    def Count(self, collection, request):
        count = collection.shard.count(edge.CountRequest(exact=True, filter=filter_(request.filter)))
        return pb.CountResponse(result=pb.CountResult(count=count))

    @on_collection
    def Query(self, collection, request):
        nearest = request.query.nearest
        if request.query.WhichOneof("variant") != "nearest":
            raise Unsupported("the stand-in answers nearest queries only")
        numbers = list(nearest.dense.data)
        if len(numbers) != collection.size:
            raise ValueError(f"Vector dimension error: expected dim: {collection.size}, got {len(numbers)}")
        found = collection.shard.query(
            edge.QueryRequest(
                limit=request.limit or DEFAULT_LIMIT,
                offset=request.offset or None,
                query=edge.Query.Nearest(numbers),
                filter=filter_(request.filter),
                score_threshold=request.score_threshold if request.HasField("score_threshold") else None,
                with_payload=True,
            )
        )
        return pb.QueryResponse(result=[scored(point) for point in found])


def with_vectors(request):
    return bool(request.with_vectors.enable)


def done():
    return pb.PointsOperationResponse(result=pb.UpdateResult(operation_id=0, status=pb.UpdateStatus.Completed))


def payload_of(point):
    return {key: wire(value) for key, value in (point.payload or {}).items()}


def retrieved(record):
    point = pb.RetrievedPoint(id=wire_id(record.id), payload=payload_of(record))
    if record.vector is not None:
        point.vectors.vector.data.extend(record.vector)
    return point


def scored(point):
    return pb.ScoredPoint(id=wire_id(point.id), payload=payload_of(point), score=point.score, version=point.version)
