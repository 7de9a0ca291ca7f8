"""Parses files for other engines with their own classes; prints the file names.

Runs in an environment of its own, which `test_foreign.py` creates.
"""

import importlib.util
import re
import sys
import types
from pathlib import Path

import kubernetes.client
import yaml
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig


def bare(name):
    """Makes a package importable without its __init__, which loads servers and clients."""
    package = types.ModuleType(name)
    package.__path__ = importlib.util.find_spec(name).submodule_search_locations
    sys.modules[name] = package


bare("kserve")
bare("tritonclient.grpc")
model_config = importlib.import_module("tritonclient.grpc.model_config_pb2")
kserve_models = importlib.import_module("kserve.models")


def model_of(type_name):
    """Returns the class of that name in KServe or Kubernetes, or None."""
    found = getattr(kserve_models, type_name, None)
    return found or getattr(kubernetes.client, type_name, None)


def check(value, type_name, where):
    """Raises ValueError if a YAML value does not have the given Kubernetes API type."""
    if of := re.fullmatch(r"[Ll]ist\[(.*)\]", type_name):
        require(isinstance(value, list), where, type_name)
        for number, each in enumerate(value):
            check(each, of[1], f"{where}[{number}]")
    elif of := re.fullmatch(r"[Dd]ict[\[(]str, (.*)[\])]", type_name):
        require(isinstance(value, dict), where, type_name)
        for name, each in value.items():
            check(each, of[1], f"{where}.{name}")
    elif type_name in ("str", "int", "bool", "float"):
        require(type(value).__name__ == type_name, where, type_name)
    elif model := model_of(type_name):
        check_fields(value, model, where)


def check_fields(value, model, where):
    require(isinstance(value, dict), where, model.__name__)
    own = {name: each for each, name in model.attribute_map.items()}
    for name, each in value.items():
        require(name in own, f"{where}.{name}", f"a field of {model.__name__}")
        check(each, model.openapi_types[own[name]], f"{where}.{name}")


def require(condition, where, wanted):
    if not condition:
        raise ValueError(f"{where} must be {wanted}")


def main(folder):
    config = folder / "tensorflow-serving" / "models.config"
    text_format.Parse(config.read_text(), ModelServerConfig())
    print(config.name)
    config = folder / "triton" / "config.pbtxt"
    text_format.Parse(config.read_text(), model_config.ModelConfig())
    print(config.name)
    for file in sorted((folder / "kserve").glob("*.yaml")):
        check(yaml.safe_load(file.read_text()), "V1beta1InferenceService", file.name)
        print(file.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
