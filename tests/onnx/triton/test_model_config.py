from labelmend.onnx.triton.model_config import ModelConfig, Step, TensorConfig

MODEL = """name: "words"
backend: "python"
max_batch_size: 64
input {
  name: "text"
  data_type: TYPE_STRING
  dims: [ 1 ]
}
output {
  name: "ids"
  data_type: TYPE_INT64
  dims: [ -1, -1 ]
}
output {
  name: "said"
  data_type: TYPE_BOOL
  dims: [ 1 ]
  reshape { shape: [ ] }
}
output {
  name: "shares"
  data_type: TYPE_FP32
  dims: [ 3 ]
  label_filename: "labels.txt"
}
instance_group [ { count: 1 kind: KIND_CPU } ]
dynamic_batching { max_queue_delay_microseconds: 2000 }
"""

ENSEMBLE = """name: "whole"
platform: "ensemble"
max_batch_size: 64
input {
  name: "text"
  data_type: TYPE_STRING
  dims: [ 1 ]
}
output {
  name: "ids"
  data_type: TYPE_INT64
  dims: [ -1 ]
}
ensemble_scheduling {
  step {
    model_name: "words"
    model_version: -1
    input_map { key: "text" value: "text" }
    output_map { key: "ids" value: "the_ids" }
  }
}
"""

TEXT = TensorConfig("text", "TYPE_STRING", (1,))


def test_a_model_as_triton_reads_it():
    outputs = [
        TensorConfig("ids", "TYPE_INT64", (-1, -1)),
        TensorConfig("said", "TYPE_BOOL", (1,), scalar=True),
        TensorConfig("shares", "TYPE_FP32", (3,), labels="labels.txt"),
    ]
    assert ModelConfig("words", "python", [TEXT], outputs).pbtxt() == MODEL


def test_an_ensemble_names_its_steps_and_batches_nothing_itself():
    ids = TensorConfig("ids", "TYPE_INT64", (-1,))
    step = Step("words", {"text": "text"}, {"ids": "the_ids"})
    assert ModelConfig("whole", None, [TEXT], [ids], [step]).pbtxt() == ENSEMBLE
