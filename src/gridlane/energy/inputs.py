"""What the REST edge of power understands everywhere."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Current = Annotated[float, Field(ge=0, le=10_000, description="A of each phase")]
Power = Annotated[float, Field(ge=0, le=100_000_000, description="W")]


class Input(BaseModel):
    model_config = ConfigDict(extra="forbid")
