"""The job of `whole_process_keras.py` in Lightning: a side of `whole_process.py`.

Needs torch, lightning and Pillow; ResNet50 and augmentation are implemented here.

Usage: python benchmarks/whole_process_lightning.py TRAIN TEST SIZE EPOCHS
"""

import json
import logging
import math
import random
import sys
import warnings
from pathlib import Path

import lightning
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

MEAN = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)


class Bottleneck(nn.Module):
    """A block of ResNet50."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *normed(channels, width, 1, 1),
            nn.ReLU(),
            *normed(width, width, 3, stride),
            nn.ReLU(),
            *normed(width, 4 * width, 1, 1),
        )
        is_same = stride == 1 and channels == 4 * width
        self.shortcut = nn.Sequential(
            *([] if is_same else normed(channels, 4 * width, 1, stride))
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Adds the residual of the body to the shortcut."""
        return functional.relu(self.body(x) + self.shortcut(x))


def normed(channels: int, width: int, size: int, stride: int) -> list[nn.Module]:
    """Returns a convolution and BatchNorm."""
    convolution = nn.Conv2d(channels, width, size, stride, size // 2, bias=False)
    return [convolution, nn.BatchNorm2d(width)]


def resnet50() -> nn.Sequential:
    """Builds ResNet50 with pooling, without its head."""
    layers = [*normed(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for place, (width, count) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for number in range(count):
            stride = 2 if place and number == 0 else 1
            layers.append(Bottleneck(channels, width, stride))
            channels = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def augmented(images: torch.Tensor) -> torch.Tensor:
    """Flips, rotates and zooms each image independently."""
    count = len(images)
    angle = (torch.rand(count) - 0.5) * 0.8 * math.pi
    zoom = 1 + (torch.rand(count) - 0.5) * 0.4
    flip = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    cosine, sine = angle.cos() * zoom, angle.sin() * zoom
    zero = torch.zeros(count)
    rows = [
        torch.stack(each, 1)
        for each in ((flip * cosine, -sine, zero), (flip * sine, cosine, zero))
    ]
    grid = functional.affine_grid(torch.stack(rows, 1), images.shape, align_corners=False)
    return functional.grid_sample(
        images, grid, padding_mode="reflection", align_corners=False
    )


class Classifier(lightning.LightningModule):
    """A new head on a frozen network."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone = resnet50().requires_grad_(False)
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(2048, classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns logits of images in [0, 1]."""
        self.backbone.eval()
        with torch.no_grad():
            features = self.backbone((images - MEAN) / DEVIATION)
        return self.head(features)

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        """Returns the loss of augmented images."""
        loss = functional.cross_entropy(self(augmented(scaled(batch[0]))), batch[1])
        self.log("loss", loss)
        return loss

    def validation_step(self, batch: list[torch.Tensor]) -> None:
        """Logs the loss."""
        outputs = self(scaled(batch[0]))
        self.log("val_loss", functional.cross_entropy(outputs, batch[1]))

    def test_step(self, batch: list[torch.Tensor]) -> None:
        """Logs the accuracy."""
        right = self(scaled(batch[0])).argmax(1) == batch[1]
        self.log("accuracy", right.float().mean(), batch_size=len(right))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Returns Adam for the head."""
        return torch.optim.Adam(self.head.parameters(), 1e-3)


def scaled(images: torch.Tensor) -> torch.Tensor:
    """Converts uint8 images to floats in [0, 1]."""
    return images.float() / 255


def read(files: list[Path], names: list[str], size: int) -> TensorDataset:
    """Decodes images into a data set in memory."""
    pixels = [
        np.asarray(Image.open(file).convert("RGB").resize((size, size))) for file in files
    ]
    labels = [names.index(file.parent.name) for file in files]
    return TensorDataset(
        torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous(),
        torch.tensor(labels),
    )


def main() -> None:
    """Trains and tests, and prints a line of JSON."""
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    train, test, size, epochs = *map(Path, sys.argv[1:3]), *map(int, sys.argv[3:])
    names = sorted(folder.name for folder in train.iterdir())
    files = sorted(train.glob("*/*.jpg"))
    random.Random(0).shuffle(files)
    held_out = len(files) // 5
    datasets = [
        read(each, names, size)
        for each in (files[held_out:], files[:held_out], sorted(test.glob("*/*.jpg")))
    ]
    loaders = [
        DataLoader(each, 32, shuffle=each is datasets[0], num_workers=0)
        for each in datasets
    ]
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    model = Classifier(len(names))
    trainer.fit(model, *loaders[:2])
    (scores,) = trainer.test(model, loaders[2], verbose=False)
    examples = len(datasets[2])
    correct = round(scores["accuracy"] * examples)
    print(json.dumps({"correct": correct, "examples": examples}))


if __name__ == "__main__":
    main()
