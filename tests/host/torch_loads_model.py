"""Loads a tidegauge model into torch.nn.LSTM and predicts: argv is the model file and a JSON file with `windows`
[N][T][I]; prints the outputs [N][O] as JSON. Uses the safetensors package where it is installed."""
import json
import struct
import sys

import torch


def load(path):
    try:
        from safetensors import safe_open
        with safe_open(path, "pt") as f:
            return {name: f.get_tensor(name) for name in f.keys()}, f.metadata()
    except ImportError:
        raw = open(path, "rb").read()
        (length,) = struct.unpack("<Q", raw[:8])
        header = json.loads(raw[8:8 + length])
        types = {"F32": torch.float32, "F64": torch.float64}
        tensors = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            first, last = entry["data_offsets"]
            data = bytearray(raw[8 + length + first:8 + length + last])
            tensors[name] = torch.frombuffer(data, dtype=types[entry["dtype"]]).reshape(entry["shape"])
        return tensors, header["__metadata__"]


weights, metadata = load(sys.argv[1])
settings = json.loads(metadata["tidegauge"])["settings"]
windows = torch.tensor(json.load(open(sys.argv[2]))["windows"], dtype=torch.float32)
lstm = torch.nn.LSTM(windows.shape[2], settings["hidden"], settings["layers"], batch_first=True)
lstm.load_state_dict({name: w for name, w in weights.items() if name.startswith(("weight_", "bias_"))})
with torch.no_grad():
    last = lstm(windows)[0][:, -1]
    out = last @ weights["head.weight"].T + weights["head.bias"]
    if settings["skip"]:
        out = out + windows.flatten(1) @ weights["skip.weight"].T
print(json.dumps(out.tolist()))
