"""The JSON Schema accepts and rejects the same configurations as RunConfig."""

import pytest
import yaml
from keraunos.configs import RunConfig, json_schema, load_config, recipes, to_yaml

jsonschema = pytest.importorskip("jsonschema")

RIGHT = [
    "{}",
    "{data: {train: synthetic:lesions, folds: 5}, seed: 3}",
    "{model: {builder: 'my.module:build', arguments: {a: 1}}}",
    "{optimizer: {name: sgd, momentum: 0.9, schedule: {name: cosine}}}",
    "{callbacks: {early_stopping: {patience: 2}, tensorboard: null, figures: false}}",
    "{callbacks: {mine: {class: early_stopping, patience: 2}}}",
    "{callbacks: {ReduceLROnPlateau: {factor: 0.5}, mine: {class: 'a.b:C', x: 1}}}",
    "{trainer: {devices: auto, limit_train_batches: 0.5, max_time: '00:01:00:00'}}",
    "{search: {space: {model.dropout: {float: [0.0, 0.5]}}}}",
    "{effort: best, efforts: {best: {data: {folds: 5}, callbacks: {figures: null}}}}",
]
WRONG = [
    "{sed: 3}",
    "{trainer: {max_epoch: 3}}",
    "{trainer: {max_epochs: 0}}",
    "{data: {on_leak: dorp}}",
    "{data: {image_size: 5000}}",
    "{model: {builder: nonsense}}",
    "{effort: most}",
    "{efforts: {most: {}}}",
    "{optimizer: {name: adam, momentum: 0.9}}",
    "{optimizer: {name: sgd, momentum: much}}",
    "{callbacks: {early_stoping: {}}}",
    "{callbacks: {early_stopping: {patience: 0}}}",
    "{callbacks: {mine: {class: early_stopping, patienc: 2}}}",
]


@pytest.fixture(scope="module")
def validator():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", recipes())
def test_recipes_conform_to_the_schema(validator, name):
    validator.validate(yaml.safe_load(recipes()[name].text))
    validator.validate(yaml.safe_load(to_yaml(load_config([name]))))


@pytest.mark.parametrize("text", RIGHT)
def test_valid_configurations_conform_to_the_schema(validator, text):
    RunConfig.model_validate(yaml.safe_load(text))
    validator.validate(yaml.safe_load(text))


@pytest.mark.parametrize("text", WRONG)
def test_invalid_configurations_violate_the_schema(validator, text):
    with pytest.raises(ValueError, match="valid"):
        RunConfig.model_validate(yaml.safe_load(text))
    assert not validator.is_valid(yaml.safe_load(text))
