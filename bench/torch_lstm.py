#!/usr/bin/env python3
"""PyTorch's LSTM on the GPU as a peer of bench/gpu_bench: rates of a training step, eagerly and in a CUDA graph, and of
inference, over the same shapes; and, for networks that `gpu_bench --dump DIR` left, the errors of both against double
precision on the CPU.

    python3 bench/torch_lstm.py --json FILE [--dump DIR] [--tf32] [--quick]

Lines of JSON as gpu_bench's. One optimizer step is forward, mean squared error, backward and Adam. Without a GPU or
PyTorch it says so and ends with status 1."""

import argparse
import json
import pathlib
import sys
import time

try:
    import torch
except ImportError:
    sys.exit("torch_lstm.py: there is no PyTorch for this python3")
if not torch.cuda.is_available():
    sys.exit("torch_lstm.py: PyTorch finds no GPU")

ROUNDS, ROUND_SECONDS, FEATURES = 5, 0.2, 4


class Network(torch.nn.Module):
    """As kernels/lstm/lstm.hpp: LSTM, dense head on the last step, linear skip from the window."""

    def __init__(self, features, hidden, layers, look_back, horizon, skip):
        super().__init__()
        self.lstm = torch.nn.LSTM(features, hidden, layers, batch_first=True)
        self.head = torch.nn.Linear(hidden, horizon)
        self.skip = torch.nn.Linear(look_back * features, horizon, bias=False) if skip else None

    def forward(self, windows):
        out = self.head(self.lstm(windows)[0][:, -1])
        return out if self.skip is None else out + self.skip(windows.flatten(1))

    def tensors(self):
        """In the order of lstm_tensors(); PyTorch's second bias is zero there."""
        for layer in range(self.lstm.num_layers):
            for name in ("weight_ih_l", "weight_hh_l", "bias_ih_l"):
                yield getattr(self.lstm, f"{name}{layer}")
        yield self.head.weight
        yield self.head.bias
        if self.skip is not None:
            yield self.skip.weight

    def load(self, flat):
        with torch.no_grad():
            for layer in range(self.lstm.num_layers):
                getattr(self.lstm, f"bias_hh_l{layer}").zero_()
            for tensor in self.tensors():
                tensor.copy_(flat[: tensor.numel()].view(tensor.shape))
                flat = flat[tensor.numel():]
        assert flat.numel() == 0, "parameters of another shape"


def best_rate(windows, work):
    """Windows a second: best of the rounds, the device's work awaited."""
    for _ in range(3):
        work()
    torch.cuda.synchronize()
    best = 0.0
    for _ in range(ROUNDS):
        begin, done = time.perf_counter(), 0
        while time.perf_counter() - begin < ROUND_SECONDS:
            for _ in range(16):
                work()
            done += 16 * windows
            torch.cuda.synchronize()
        best = max(best, done / (time.perf_counter() - begin))
    return best


def rates(look_back, count, hidden):
    network = Network(FEATURES, hidden, 1, look_back, 1, True).cuda()
    optimizer = torch.optim.Adam(network.parameters(), capturable=True)
    windows = torch.randn(count, look_back, FEATURES, device="cuda")
    targets = torch.randn(count, 1, device="cuda")

    def step():
        optimizer.zero_grad(set_to_none=False)
        torch.nn.functional.mse_loss(network(windows), targets).backward()
        optimizer.step()

    eager = best_rate(count, step)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    captured = best_rate(count, graph.replay)
    with torch.no_grad():
        inference = best_rate(count, lambda: network(windows))
    return eager, captured, inference


def errors(stem):
    """||value - double|| / ||double|| of outputs and gradients: ours, PyTorch's."""
    features, hidden, layers, look_back, horizon, skip, count = map(int, pathlib.Path(f"{stem}.txt").read_text().split())

    def read(what, dtype=torch.float32):
        return torch.frombuffer(bytearray(pathlib.Path(f"{stem}.{what}").read_bytes()), dtype=dtype)

    series = read("features").view(-1, features)
    starts = read("starts", torch.int32).long()
    steps = torch.arange(look_back)
    windows = series[starts[:, None] + steps]
    targets = read("targets")[starts[:, None] + look_back + torch.arange(horizon)]

    def answer(device, dtype):
        network = Network(features, hidden, layers, look_back, horizon, bool(skip)).to(device, dtype)
        network.load(read("parameters").to(device, dtype))
        outputs = network(windows.to(device, dtype))
        torch.nn.functional.mse_loss(outputs, targets.to(device, dtype)).backward()
        gradient = torch.cat([tensor.grad.flatten() for tensor in network.tensors()])
        return [value.detach().double().cpu().flatten() for value in (outputs, gradient)]

    exact, peer = answer("cpu", torch.float64), answer("cuda", torch.float32)
    ours = [read("outputs").double(), read("gradient").double()]
    distance = lambda value, reference: float((value - reference).norm() / reference.norm())
    return [(distance(o, e), distance(p, e)) for o, p, e in zip(ours, peer, exact)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", required=True)
    parser.add_argument("--dump")
    parser.add_argument("--tf32", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = options.tf32

    with open(options.json, "w") as out:
        def figure(what, case, value, unit):
            print(f"{what:<22} {case:<26} {value:12.4g} {unit}", flush=True)
            out.write(json.dumps({"what": what, "case": case, "value": value, "unit": unit}) + "\n")

        figure("torch version", torch.__version__, torch.backends.cudnn.version(), "cuDNN")
        if options.dump:
            for text in sorted(pathlib.Path(options.dump).glob("*.txt")):
                for what, (ours, peer) in zip(("outputs", "gradient"), errors(text.with_suffix(""))):
                    figure("error", f"{text.stem} {what}", ours, "of the norm")
                    figure("torch error", f"{text.stem} {what}", peer, "of the norm")
                    figure("error ratio", f"{text.stem} {what}", ours / peer, "ours/torch")
        shapes = [(32, 256, hidden) for hidden in (16, 32, 64, 128, 256)]
        if not options.quick:
            shapes += [(32, count, 64) for count in (32, 1024, 4096)] + [(steps, 256, 64) for steps in (2, 8, 128)]
        for look_back, count, hidden in shapes:
            case = f"T={look_back} N={count} I={FEATURES} H={hidden}"
            for what, rate in zip(("torch train", "torch graph train", "torch predict"), rates(look_back, count, hidden)):
                figure(what, case, rate, "windows/s")


if __name__ == "__main__":
    main()
