"""The cells of `better_models.py`, each with a few settings in addition to a common base.

A cell consists of settings of `keraunos fit`, so that any of them can be run by hand:
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
    "data.check=full",  # near copies stay in one fold
    f"data.folds={FOLDS}",
    "augmentation.strength=0",
    "trainer.max_epochs=30",
    "trainer.deterministic=true",
)
VIEWS = "augmentation.views=4"
UNBALANCED = "data.class_balance=none"
TUNING = "callbacks.backbone_finetuning"
HEAD_EPOCHS, ALL_EPOCHS = 20, 25
FINE_TUNED = (
    "augmentation.strength=0.5",
    VIEWS,
    f"trainer.max_epochs={ALL_EPOCHS}",
    f"{TUNING}.at_epoch={HEAD_EPOCHS}",
    f"{TUNING}.learning_rate=0.0001",
)
LAST_STAGE = f"{TUNING}.stages=1"


@dataclass(frozen=True)
class Cell:
    """A row of the table.

    Attributes:
        name: Name of the row.
        group: `baseline`, `head`, `loss`, `augmentation`, `fine-tuning`,
            `effort`, `recipe`.
        settings: Settings `key=value` in addition to `BASE`.
        seeds: Number of seeds.
        folds: Number of folds per seed, from the first; None runs `keraunos fit` with these
            settings and uses its test predictions.
        against: Names of the cells to compare with.
        needs_run: Whether it needs a run directory, to load the model from checkpoints.
        recipe: The recipe that the settings are added to.
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


def _head(name: str, *settings: str) -> Cell:
    return Cell(name, "head", settings)


def _loss(name: str, *settings: str) -> Cell:
    return Cell(name, "loss", settings)


def _fine_tuned(name: str, *settings: str, needs_run: bool = False) -> Cell:
    return Cell(
        name,
        "fine-tuning",
        (*FINE_TUNED, *settings),
        seeds=SEEDS_FINE_TUNED,
        folds=1,
        against=("frozen", "strength", *(() if name == "fine_tuned" else ("fine_tuned",))),
        needs_run=needs_run,
    )


def _effort(name: str) -> Cell:
    """Creates a cell that runs `keraunos fit` with an effort, on an ordinary split."""
    return Cell(
        f"effort_{name}",
        "effort",
        (f"effort={name}",),
        folds=None,
        against=() if name == "quick" else ("effort_quick",),
        recipe="skin_lesion_lite",
    )


def _recipe(name: str, *settings: str) -> Cell:
    """Creates a cell of a recipe, changing only its backbone."""
    network = ("model.backbone=efficientnet_lite0", "model.weights=imagenet")
    return Cell(
        f"recipe_{name}",
        "recipe",
        (*network, *settings),
        folds=None,
        against=("effort_quick",),
        recipe=name,
    )


CELLS = {  # the cheapest first
    cell.name: cell
    for cell in (
        Cell("frozen", "baseline", against=()),
        _head("standardized", "model.standardize_features=true"),
        _head("cosine", "model.head=cosine"),
        _head("ridge", "model.head=ridge"),
        _head("knn", "model.head=knn"),
        _loss("unbalanced", UNBALANCED),
        _loss("weights", "data.class_balance=weights"),
        _loss("label_smoothing", "model.label_smoothing=0.1"),
        _loss("focal", "model.loss=focal"),
        _loss("class_balanced", UNBALANCED, "model.loss=class_balanced"),
        _loss("logit_adjusted", UNBALANCED, "model.loss=logit_adjusted"),
        _effort("quick"),
        _policy("strength", "augmentation.strength=0.5"),
        _policy("strength_0.25", "augmentation.strength=0.25"),
        _policy("strength_0.1", "augmentation.strength=0.1"),
        _policy("strength_0.02", "augmentation.strength=0.02"),
        _policy("random_resized_crop", "augmentation.random_resized_crop=0.5"),
        _policy("color_jitter", "augmentation.color_jitter=0.2"),
        _policy("random_erasing", "augmentation.random_erasing=0.5"),
        _policy("rand_augment", "augmentation.rand_augment={}"),
        _fine_tuned("fine_tuned", LAST_STAGE),
        _fine_tuned("gradual", f"{TUNING}.stages=3", f"{TUNING}.every_epochs=2"),
        _fine_tuned(
            "layer_decay", f"{TUNING}.stages=[block3]", "optimizer.layer_decay=0.75"
        ),
        _fine_tuned(
            "ema", LAST_STAGE, "optimizer.use_ema=true", "trainer.use_ema_weights=true"
        ),
        _fine_tuned(
            "soup",
            LAST_STAGE,
            "callbacks.model_checkpoint.save_top_k=5",
            "callbacks.model_checkpoint.soup=greedy",
            needs_run=True,
        ),
        _effort("good"),
        _policy("mixup", "augmentation.mixup=0.4"),
        _policy("cutmix", "augmentation.cutmix=1.0"),
        _recipe("classify", "data.on_conflict=drop", "data.on_leak=drop"),
        _recipe("skin_lesion"),
        _recipe(
            "skin_lesion_finetune",
            "callbacks.backbone_finetuning.unfreeze_from=block6",
        ),
        _effort("best"),
    )
}
