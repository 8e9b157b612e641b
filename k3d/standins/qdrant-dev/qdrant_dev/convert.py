"""Between the messages on the wire and the engine's objects."""

import uuid

import qdrant_edge as edge
from qdrant_client import grpc
from qdrant_client.conversions.conversion import grpc_to_payload, payload_to_grpc

from .errors import unserved, wrong_dimension, wrong_input

DISTANCES = {
    grpc.Distance.Cosine: edge.Distance.Cosine,
    grpc.Distance.Euclid: edge.Distance.Euclid,
    grpc.Distance.Dot: edge.Distance.Dot,
    grpc.Distance.Manhattan: edge.Distance.Manhattan,
}
FIELD_TYPES = {
    grpc.FieldType.FieldTypeKeyword: edge.PayloadSchemaType.Keyword,
    grpc.FieldType.FieldTypeInteger: edge.PayloadSchemaType.Integer,
    grpc.FieldType.FieldTypeFloat: edge.PayloadSchemaType.Float,
    grpc.FieldType.FieldTypeText: edge.PayloadSchemaType.Text,
    grpc.FieldType.FieldTypeBool: edge.PayloadSchemaType.Bool,
    grpc.FieldType.FieldTypeDatetime: edge.PayloadSchemaType.Datetime,
    grpc.FieldType.FieldTypeUuid: edge.PayloadSchemaType.Uuid,
}
UPDATE_MODES = {
    grpc.UpdateMode.Upsert: edge.UpdateMode.Upsert,
    grpc.UpdateMode.InsertOnly: edge.UpdateMode.InsertOnly,
    grpc.UpdateMode.UpdateOnly: edge.UpdateMode.UpdateOnly,
}


def point_id(message):
    kind = message.WhichOneof("point_id_options")
    if kind == "num":
        return message.num
    if kind == "uuid":
        try:
            return uuid.UUID(message.uuid)
        except ValueError:
            raise wrong_input(f"Unable to parse UUID: {message.uuid}") from None
    raise wrong_input("No ID options provided")


def wire_id(identity):
    if isinstance(identity, int):
        return grpc.PointId(num=identity)
    return grpc.PointId(uuid=str(identity))


def vector_of(vector, dimensions):
    """The numbers of a dense vector, in its old and its new form on the wire."""
    kind = vector.WhichOneof("vector")
    if kind not in (None, "dense"):
        raise unserved(f"vectors of the kind {kind}")
    numbers = list(vector.dense.data if kind == "dense" else vector.data)
    if len(numbers) != dimensions:
        raise wrong_dimension(dimensions, len(numbers))
    return numbers


def point_of(message, dimensions):
    kind = message.vectors.WhichOneof("vectors_options")
    if kind != "vector":
        raise unserved("named vectors" if kind else "points without a vector")
    vector = vector_of(message.vectors.vector, dimensions)
    return edge.Point(point_id(message.id), vector, grpc_to_payload(message.payload))


def filter_of(message):
    """An engine's filter; none where the message is absent or empty."""
    if message is None:
        return None
    least = None
    if message.HasField("min_should"):
        conditions = [condition_of(each) for each in message.min_should.conditions]
        least = edge.MinShould(conditions, message.min_should.min_count)
    clauses = {
        name: [condition_of(each) for each in getattr(message, name)] or None
        for name in ("must", "should", "must_not")
    }
    if least is None and not any(clauses.values()):
        return None
    return edge.Filter(min_should=least, **clauses)


def condition_of(message):
    kind = message.WhichOneof("condition_one_of")
    if kind == "field":
        return field_condition(message.field)
    if kind == "has_id":
        return edge.HasIdCondition({point_id(each) for each in message.has_id.has_id})
    if kind == "filter":
        return filter_of(message.filter) or edge.Filter()
    if kind == "is_empty":
        return edge.IsEmptyCondition(message.is_empty.key)
    if kind == "is_null":
        return edge.IsNullCondition(message.is_null.key)
    raise unserved(f"conditions of the kind {kind}")


def field_condition(message):
    given = {}
    if message.HasField("match"):
        given["match"] = match_of(message.match)
    if message.HasField("range"):
        given["range"] = edge.RangeFloat(**bounds(message.range, float))
    if message.HasField("datetime_range"):
        stamp = lambda moment: moment.ToJsonString()  # noqa: E731
        given["range"] = edge.RangeDateTime(**bounds(message.datetime_range, stamp))
    if message.HasField("values_count"):
        given["values_count"] = edge.ValuesCount(**bounds(message.values_count, int))
    for name in ("is_empty", "is_null"):
        if message.HasField(name):
            given[name] = getattr(message, name)
    if not given:
        raise unserved(f"this condition on the field {message.key}")
    return edge.FieldCondition(message.key, **given)


def bounds(message, convert):
    return {
        name: convert(getattr(message, name))
        for name in ("gte", "gt", "lte", "lt")
        if message.HasField(name)
    }


def match_of(message):
    kind = message.WhichOneof("match_value")
    value = getattr(message, kind) if kind else None
    if kind in ("keyword", "integer", "boolean"):
        return edge.MatchValue(value)
    if kind in ("keywords", "except_keywords"):
        values = list(value.strings)
    elif kind in ("integers", "except_integers"):
        values = list(value.integers)
    elif kind == "text":
        return edge.MatchText(value)
    else:
        raise unserved(f"matches of the kind {kind}")
    return edge.MatchExcept(values) if kind.startswith("except") else edge.MatchAny(values)


def payload_wanted(message, given, default):
    """What of the payload to answer: all, nothing, or some fields."""
    if not given:
        return default
    kind = message.WhichOneof("selector_options")
    if kind == "include":
        return edge.PayloadSelector.Include(list(message.include.fields))
    if kind == "exclude":
        return edge.PayloadSelector.Exclude(list(message.exclude.fields))
    return message.enable


def vectors_wanted(message, given):
    if not given:
        return False
    if message.WhichOneof("selector_options") == "include":
        raise unserved("named vectors")
    return message.enable


def wire_vector(vector):
    if vector is None:
        return None
    if isinstance(vector, dict):
        vector = vector.get("")
    numbers = [float(number) for number in vector]
    return grpc.VectorsOutput(
        vector=grpc.VectorOutput(data=numbers, dense=grpc.DenseVector(data=numbers))
    )


def wire_record(record):
    return grpc.RetrievedPoint(
        id=wire_id(record.id),
        payload=payload_to_grpc(record.payload or {}),
        vectors=wire_vector(record.vector),
    )


def wire_scored(point):
    return grpc.ScoredPoint(
        id=wire_id(point.id),
        payload=payload_to_grpc(point.payload or {}),
        score=point.score,
        version=point.version,
        vectors=wire_vector(point.vector),
    )
