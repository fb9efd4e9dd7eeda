"""What all records of a result file have in common."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

__all__ = ["Record"]


class Record(BaseModel):
    """A part of a result file: frozen, no unknown fields, numbers that are not finite written as words."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    left_out_if_none: ClassVar[tuple[str, ...]] = ()
    """Fields that are not written where they are None, so that what they are not of is written as before."""

    @model_serializer(mode="wrap")
    def _without_those(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        for name in self.left_out_if_none:
            if written.get(name) is None:
                written.pop(name, None)
        return written
