"""Translation between the wire's values and the engine's."""

import qdrant_edge as edge
from qdrant_client.grpc import json_with_int_pb2 as json_pb
from qdrant_client.grpc import qdrant_common_pb2 as common


class Unsupported(ValueError):
    pass


def point_id(wire):
    return wire.uuid if wire.WhichOneof("point_id_options") == "uuid" else wire.num


def wire_id(id_):
    return common.PointId(num=id_) if isinstance(id_, int) else common.PointId(uuid=str(id_))


def plain(value):
    """A payload value as Python has it."""
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return {key: plain(field) for key, field in value.struct_value.fields.items()}
    if kind == "list_value":
        return [plain(item) for item in value.list_value.values]
    return None if kind in (None, "null_value") else getattr(value, kind)


def wire(value):
    """A Python value as the wire has it."""
    if value is None:
        return json_pb.Value(null_value=json_pb.NullValue.NULL_VALUE)
    if isinstance(value, bool):
        return json_pb.Value(bool_value=value)
    if isinstance(value, int):
        return json_pb.Value(integer_value=value)
    if isinstance(value, float):
        return json_pb.Value(double_value=value)
    if isinstance(value, dict):
        fields = {key: wire(item) for key, item in value.items()}
        return json_pb.Value(struct_value=json_pb.Struct(fields=fields))
    if isinstance(value, (list, tuple)):
        return json_pb.Value(list_value=json_pb.ListValue(values=[wire(item) for item in value]))
    return json_pb.Value(string_value=str(value))


def vector(wire_vector):
    """The numbers of a dense vector, in the old form of the message or the new one."""
    if wire_vector.WhichOneof("vector") == "dense":
        return list(wire_vector.dense.data)
    return list(wire_vector.data)


def filter_(wire_filter):
    """A filter of `must`, `should` and `must_not` with matches on keywords, integers, booleans and ids."""
    groups = {}
    for name in ("must", "should", "must_not"):
        conditions = [condition(item) for item in getattr(wire_filter, name)]
        if conditions:
            groups[name] = conditions
    return edge.Filter(**groups) if groups else None


def condition(item):
    kind = item.WhichOneof("condition_one_of")
    if kind == "has_id":
        return edge.HasIdCondition({point_id(id_) for id_ in item.has_id.has_id})
    if kind == "filter":
        return filter_(item.filter)
    if kind == "field" and item.field.HasField("match"):
        match = item.field.match
        word = match.WhichOneof("match_value")
        if word in ("keyword", "integer", "boolean"):
            return edge.FieldCondition(key=item.field.key, match=edge.MatchValue(getattr(match, word)))
        if word == "keywords":
            return edge.FieldCondition(key=item.field.key, match=edge.MatchAny(list(match.keywords.strings)))
    raise Unsupported(f"the stand-in does not know the filter condition `{kind}`")
