"""Queries `keraunos serve` with Triton's client; prints the answers as JSON.

python ask_triton.py HOST:PORT MODEL IMAGE TOKEN
"""

import json
import sys
from pathlib import Path

import numpy as np
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException


def main(address, name, image, token):
    def headers():  # the client modifies the dict it is given
        return {"Authorization": f"Bearer {token}"}

    with InferenceServerClient(address) as client:
        found = {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "model_ready": client.is_model_ready(name, headers=headers()),
            "server": client.get_server_metadata(headers=headers()),
            "model": client.get_model_metadata(name, headers=headers()),
        }
        size = found["model"]["inputs"][0]["shape"][1]
        content = Path(image).read_bytes()
        pixels = np.zeros((3, size, size, 3), np.uint8)
        pixels[[0, 1, 2], ..., [0, 1, 2]] = 200
        for key, array, kind in (
            ("uint8", pixels, "UINT8"),
            ("float32", pixels.astype(np.float32), "FP32"),
            ("bytes", np.array([content, content], np.object_), "BYTES"),
        ):
            for is_binary in (True, False):
                if kind == "BYTES" and not is_binary:
                    continue  # the client would treat them as text
                tensor = InferInput("images", array.shape, kind)
                tensor.set_data_from_numpy(array, binary_data=is_binary)
                outputs = [
                    InferRequestedOutput(output, binary_data=is_binary)
                    for output in ("probabilities", "class")
                ]
                answer = client.infer(
                    name, [tensor], outputs=outputs, headers=headers(), request_id="7"
                )
                found[f"{key}, {'binary' if is_binary else 'json'}"] = content_of(answer)
        tensor = InferInput("images", pixels.shape, "UINT8")
        tensor.set_data_from_numpy(pixels)
        every = client.infer(name, [tensor], headers=headers())
        found["without outputs"] = content_of(every)
        later = client.async_infer(name, [tensor], headers=headers())
        found["async"] = content_of(later.get_result())
        found["errors"] = {
            "no token": refusal(lambda: client.infer(name, [tensor])),
            "another model": refusal(
                lambda: client.infer("another", [tensor], headers=headers())
            ),
            "compressed": refusal(
                lambda: client.infer(
                    name, [tensor], headers=headers(), request_compression_algorithm="gzip"
                )
            ),
        }
    print(json.dumps(found))


def content_of(answer):
    return {
        "id": answer.get_response().get("id"),
        "probabilities": answer.as_numpy("probabilities").tolist(),
        "class": [text_of(each) for each in answer.as_numpy("class").tolist()],
    }


def text_of(value):
    return value if isinstance(value, str) else value.decode()


def refusal(ask):
    try:
        ask()
    except InferenceServerException as error:
        return f"{error.status()}: {error.message()}"
    return None


if __name__ == "__main__":
    main(*sys.argv[1:])
