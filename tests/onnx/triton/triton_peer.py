"""Runs in an environment with tritonclient, and knows nothing of labelmend.

`triton_peer.py configs REPOSITORY...` parses all configurations and plays each ensemble's steps by
them, with onnxruntime in the place of Triton's backend of this name.
`triton_peer.py ask ADDRESS MODEL` asks a server. Texts come on stdin as JSON, and so does what is
said go out.
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

KINDS = {
    "TYPE_STRING": np.object_,
    "TYPE_INT64": np.int64,
    "TYPE_FP32": np.float32,
    "TYPE_BOOL": np.bool_,
}


def config_of(path):
    found = text_format.Parse(path.read_text("utf-8"), model_config_pb2.ModelConfig())
    assert found.name == path.parent.name
    assert (path.parent / "1").is_dir()
    return found


def held(tensors, values, whose):
    """Types and shapes are those that the configuration says, as Triton would see to it."""
    for tensor in tensors:
        value = values[tensor.name]
        kind = model_config_pb2.DataType.Name(tensor.data_type)
        assert value.dtype == KINDS[kind], (whose, tensor.name, value.dtype)
        dims = list(tensor.reshape.shape if tensor.HasField("reshape") else tensor.dims)
        shape = list(value.shape[1:])
        fits = all(said in (-1, size) for said, size in zip(dims, shape, strict=True))
        assert fits, (whose, tensor.name, dims, shape)


def run(config, folder, feed):
    held(config.input, feed, config.name)
    version = folder / config.name / "1"
    if config.backend == "onnxruntime":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(version / "model.onnx"))
        wanted = {one.name for one in session.get_inputs()}
        assert wanted == {one.name for one in config.input}, config.name
        names = [one.name for one in config.output]
        found = dict(zip(names, session.run(names, feed), strict=True))
        held(config.output, found, config.name)
        return {k: v[:, None] if v.ndim == 1 else v for k, v in found.items()}
    assert config.backend == "python"
    spec = importlib.util.spec_from_file_location(config.name, version / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if "text" in feed:
        found = module.Texts(version).columns(feed["text"].ravel().tolist())
    else:
        graph = module.Graph(version)
        found = dict(zip(graph.outputs, graph.run(feed), strict=True))
    held(config.output, found, config.name)
    return found


def play(folder, texts):
    configs = {path.parent.name: config_of(path) for path in folder.glob("*/config.pbtxt")}
    (ensemble,) = [c for c in configs.values() if c.HasField("ensemble_scheduling")]
    assert ensemble.platform == "ensemble"
    for config in configs.values():
        assert config.max_batch_size == 64
        if config is not ensemble:
            assert config.HasField("dynamic_batching")
    pool = {"text": np.array([[text.encode()] for text in texts], dtype=np.object_)}
    held(ensemble.input, pool, ensemble.name)
    for step in ensemble.ensemble_scheduling.step:
        feed = {name: pool[tensor] for name, tensor in step.input_map.items()}
        found = run(configs[step.model_name], folder, feed)
        pool |= {tensor: found[name] for name, tensor in step.output_map.items()}
    held(ensemble.output, pool, ensemble.name)
    return told({one.name: pool[one.name] for one in ensemble.output})


def told(found):
    labels = [v.decode() if isinstance(v, bytes) else str(v) for v in found["label"].ravel()]
    return {
        "label": labels,
        "probability": found["probability"].ravel().tolist(),
        "is_oos": found["is_oos"].ravel().tolist(),
        "probabilities": found["probabilities"].tolist(),
    }


def ask(address, model, texts):
    import tritonclient.http as triton

    client = triton.InferenceServerClient(
        address, concurrency=8, network_timeout=300, connection_timeout=300
    )

    names = ("label", "probability", "is_oos", "probabilities")

    def asked(part):
        found = triton.InferInput("text", [len(part), 1], "BYTES")
        cells = np.array([[text.encode()] for text in part], dtype=np.object_)
        found.set_data_from_numpy(cells)
        return [found]

    def answer(said):
        return told({name: said.as_numpy(name) for name in names})

    whole = answer(client.infer(model, asked(texts)))
    # One by one and at once, so that the server puts them together itself.
    waiting = [client.async_infer(model, asked([text])) for text in texts]
    singly = [answer(one.get_result()) for one in waiting]
    joined = {key: [value for one in singly for value in one[key]] for key in whole}
    try:
        client.infer(model, asked(["fine", " "]))
        refused = None
    except triton.InferenceServerException as error:
        refused = error.message()
    stats = client.get_inference_statistics(f"{model}_text")["model_stats"][0]
    batches = [one["batch_size"] for one in stats["batch_stats"]]
    return {"whole": whole, "singly": joined, "refused": refused, "batches": batches}


if __name__ == "__main__":
    texts = json.load(sys.stdin)
    found = (
        [play(Path(folder), texts) for folder in sys.argv[2:]]
        if sys.argv[1] == "configs"
        else ask(sys.argv[2], sys.argv[3], texts)
    )
    json.dump(found, sys.stdout)
