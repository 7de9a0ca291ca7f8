"""Transfer learning in plain Keras, as in tutorials: a side of `whole_process.py`.

Usage: python benchmarks/whole_process_keras.py TRAIN TEST SIZE EPOCHS [PRECISION]
"""

import json
import sys

import keras
import tensorflow as tf

train_folder, test_folder, size, epochs = *sys.argv[1:3], *map(int, sys.argv[3:5])
keras.config.set_dtype_policy((sys.argv[5:] or ["float32"])[0])
common = {"image_size": (size, size), "batch_size": 32, "verbose": False}
split = {"validation_split": 0.2, "seed": 0, **common}
load = keras.utils.image_dataset_from_directory
train, validation = load(train_folder, subset="both", **split)
classes = train.class_names
test = load(test_folder, class_names=classes, shuffle=False, **common)
train = train.cache().shuffle(1000).prefetch(tf.data.AUTOTUNE)
validation = validation.cache().prefetch(tf.data.AUTOTUNE)

augmentation = keras.Sequential(
    [
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomRotation(0.2),
        keras.layers.RandomZoom(0.2),
    ]
)
backbone = keras.applications.ResNet50(
    include_top=False, weights=None, input_shape=(size, size, 3)
)
backbone.trainable = False
inputs = keras.Input((size, size, 3))
x = keras.applications.resnet50.preprocess_input(augmentation(inputs))
x = keras.layers.GlobalAveragePooling2D()(backbone(x, training=False))
x = keras.layers.Dropout(0.2)(x)
model = keras.Model(inputs, keras.layers.Dense(len(classes), "softmax")(x))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(train, validation_data=validation, epochs=epochs, verbose=0)
_, accuracy = model.evaluate(test, verbose=0)
model.save("tutorial.keras")
examples = len(test.file_paths)
print(json.dumps({"correct": round(accuracy * examples), "examples": examples}))
