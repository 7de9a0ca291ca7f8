"""What benchmarks/better_models.py measures: cells, each a few settings over a common base.

A cell is written as settings of `keraunos fit`, so that any of them can be run by hand:
`keraunos fit skin_lesion SETTINGS... data.train=DIR data.test=DIR`.
"""

from dataclasses import dataclass

SEEDS = 5
FOLDS = 5
SEEDS_FINE_TUNED = 3

BASE = (
    "model.backbone=efficientnet_lite0",
    "model.weights=imagenet",
    "data.image_size=224",
    "data.check=full",  # near copies stay on one side: the folds are grouped
    f"data.folds={FOLDS}",
    "augmentation.strength=0",
    "trainer.max_epochs=30",
    "trainer.deterministic=true",
)
VIEWS = "augmentation.views=4"
FINE_TUNED = (
    "augmentation.strength=0.5",
    VIEWS,
    "trainer.max_epochs=15",
    "optimizer.name=adamw",
)


@dataclass(frozen=True)
class Cell:
    """A row of the table.

    Attributes:
        name: What it is called.
        group: `baseline`, `augmentation`, `loss`, `fine-tuning` or `effort`.
        settings: `key=value`, laid over `BASE`.
        seeds: How many seeds it is trained with.
        folds: How many of the folds of each seed, from the first; None trains what
            `keraunos fit` trains for these settings, and tests that.
        against: The cells that it is compared with.
        needs_run: Whether it needs a run directory: it takes its model from checkpoints.
        recipe: Which recipe all settings are laid over.
    """

    name: str
    group: str
    settings: tuple[str, ...] = ()
    seeds: int = SEEDS
    folds: int | None = FOLDS
    against: tuple[str, ...] = ("frozen",)
    needs_run: bool = False
    recipe: str = "skin_lesion"

    @property
    def is_frozen(self) -> bool:
        """Whether only a head is trained."""
        return self.group in ("baseline", "augmentation", "loss", "head")


def _policy(name: str, *settings: str) -> Cell:
    return Cell(name, "augmentation", (*settings, VIEWS))


CELLS = {
    cell.name: cell
    for cell in (
        Cell("frozen", "baseline", against=()),
        _policy("strength", "augmentation.strength=0.5"),
    )
}
