"""The models this world offers, what each accepts and what its tokens cost."""

from dataclasses import dataclass
from decimal import Decimal

from sandbox.errors import ApiError
from sandbox.tokens import GRID_2, GRID_2_5, OutputTokens, by_grid, by_measurement, by_preset

_BASIC = ("low", "medium", "high")
_WIDE = (*_BASIC, "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Prices:
    """USD for a million tokens."""

    text_in: Decimal
    image_in: Decimal
    image_out: Decimal


@dataclass(frozen=True, slots=True)
class Family:
    """The abilities that the models of one generation share."""

    name: str
    prices: Prices
    output_tokens: OutputTokens
    qualities: tuple[str, ...] = _BASIC
    custom_sizes: bool = True
    transparent: bool = True
    fidelities: tuple[str, ...] = ()
    complexity: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """One model id; `retired` ones are known and refused."""

    id: str
    family: Family
    created: int
    shutdown_date: str | None = None
    retired: bool = False

    def describe(self) -> dict[str, object]:
        """The object that `GET /v1/models` lists."""
        return {
            "id": self.id,
            "object": "model",
            "created": self.created,
            "owned_by": "system",
            "shutdown_date": self.shutdown_date,
        }


def _prices(text_in: str, image_in: str, image_out: str) -> Prices:
    return Prices(Decimal(text_in), Decimal(image_in), Decimal(image_out))


_MINI = Family(
    "gpt-image-1-mini",
    _prices("2.00", "2.50", "8.00"),
    by_preset,
    custom_sizes=False,
    fidelities=("low",),
)
_ONE = Family(
    "gpt-image-1.5",
    _prices("5.00", "8.00", "32.00"),
    by_preset,
    custom_sizes=False,
    fidelities=("low", "high"),
)
_TWO = Family(
    "gpt-image-2",
    _prices("5.00", "8.00", "30.00"),
    by_grid(GRID_2),
    transparent=False,
)
_TWO_FIVE = Family(
    "gpt-image-2.5",
    _prices("5.00", "8.00", "30.00"),
    by_grid(GRID_2_5),
    qualities=_WIDE,
)
_TWO_SIX = Family(
    "gpt-image-2.6",
    _prices("5.00", "8.00", "30.00"),
    by_measurement,
    qualities=_WIDE,
    complexity=True,
)

MODELS: dict[str, Model] = {
    model.id: model
    for model in (
        Model("gpt-image-2", _TWO, 1_776_729_600),
        Model("gpt-image-2-2026-04-21", _TWO, 1_776_729_600),
        Model("gpt-image-2.5-sunburst", _TWO_FIVE, 1_788_825_600),
        Model("gpt-image-2.5-sunburst-2026-09-08", _TWO_FIVE, 1_788_825_600),
        Model("gpt-image-2.5-flare", _TWO_FIVE, 1_788_825_600),
        Model("gpt-image-2.5-flare-2026-09-08", _TWO_FIVE, 1_788_825_600),
        Model("gpt-image-2.6-sunburst", _TWO_SIX, 1_793_750_400),
        Model("gpt-image-2.6-flare", _TWO_SIX, 1_793_750_400),
        Model("gpt-image-1.5", _ONE, 1_765_843_200, "2026-12-01"),
        Model("gpt-image-1.5-2025-12-16", _ONE, 1_765_843_200, "2026-12-01"),
        Model("chatgpt-image-latest", _ONE, 1_765_843_200, "2026-12-01"),
        Model("gpt-image-1-mini", _MINI, 1_759_708_800, "2026-12-01"),
        Model("gpt-image-1", _ONE, 1_745_366_400, "2026-10-23", retired=True),
        Model("dall-e-2", _ONE, 1_698_796_800, "2026-05-12", retired=True),
        Model("dall-e-3", _ONE, 1_698_796_800, "2026-05-12", retired=True),
    )
}


def offered() -> list[Model]:
    """The models that can be called today."""
    return [model for model in MODELS.values() if not model.retired]


def find(name: str) -> Model:
    """The model of that id.

    Raises:
        ApiError: 404 `model_not_found`, if it is unknown or shut down.
    """
    model = MODELS.get(name)
    if model is None or model.retired:
        raise ApiError(
            404,
            f"The model '{name}' does not exist or you do not have access to it.",
            param="model",
            code="model_not_found",
        )
    return model


def family_name(name: object) -> str:
    """The family whose limits a call counts against, whatever it sent as its model."""
    model = MODELS.get(name) if isinstance(name, str) else None
    return model.family.name if model else "unknown"
