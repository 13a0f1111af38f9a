"""What the agent knows before it speaks: facts, and tickets with a price to bring down."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class CompetitorPrice(BaseModel):
    """A selling price of the same item seen elsewhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    selling_price: float = Field(gt=0, allow_inf_nan=False)
    source: str
    seen_at: date | None = None


class Ticket(BaseModel):
    """One price to bring down. What else describes the item is declared by the pack (`details`)."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str
    currency: str = "CNY"
    selling_price: float = Field(gt=0, allow_inf_nan=False)
    commission_rate: float = Field(ge=0, lt=1)
    target_selling_price: float = Field(gt=0, allow_inf_nan=False)
    competitor_price: CompetitorPrice | None = None

    @model_validator(mode="after")
    def _target_below_price(self) -> "Ticket":
        if self.target_selling_price > self.selling_price:
            raise ValueError(
                f"target_selling_price {self.target_selling_price:g} is above "
                f"selling_price {self.selling_price:g}"
            )
        return self

    @property
    def details(self) -> Mapping[str, Any]:
        return self.model_extra or {}


class Brief(BaseModel):
    """Everything an agent may say: tickets, facts, and the fields that the pack declares (`details`)."""

    model_config = ConfigDict(frozen=True, extra="allow")

    tickets: tuple[Ticket, ...] = ()
    facts: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _ticket_ids_differ(self) -> "Brief":
        ids = [ticket.id for ticket in self.tickets]
        if len(set(ids)) < len(ids):
            raise ValueError(f"ticket ids must differ, found {ids}")
        return self

    @property
    def details(self) -> Mapping[str, Any]:
        return self.model_extra or {}

    def ticket(self, ticket_id: str) -> Ticket:
        return next(ticket for ticket in self.tickets if ticket.id == ticket_id)
