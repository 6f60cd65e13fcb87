#!/usr/bin/env python3
"""Writes lstm_golden.txt and optimizer_golden.txt: what PyTorch computes for networks, losses and optimizers whose
inputs follow from a formula, so that the files stay small. Needs torch (1.13 and 2.x give the same digits) and numpy:
    apt-get install python3-torch python3-numpy && /usr/bin/python3 tests/golden/make_lstm_golden.py

Every number is formula(stream, i) = (i * 7919 + stream * 104729) % 2003 / 2003 - 0.5, rounded to float. The networks
are computed in double, so that only our own rounding counts.
PyTorch adds two biases per gate; here bias_ih is the trained one and bias_hh stays zero.
keras.optimizers.RMSprop is written out in float32 from its documented rule (epsilon inside the root).
"""
import pathlib
import sys

import numpy
import torch

HERE = pathlib.Path(__file__).parent
torch.set_num_threads(1)


def formula(stream, count):
    i = numpy.arange(count, dtype=numpy.int64)
    return ((i * 7919 + stream * 104729) % 2003 / 2003.0 - 0.5).astype(numpy.float32)


class Network(torch.nn.Module):
    def __init__(self, features, hidden, layers, steps, horizon, skip):
        super().__init__()
        self.lstm = torch.nn.LSTM(features, hidden, layers, batch_first=True)
        self.head = torch.nn.Linear(hidden, horizon)
        self.skip = torch.nn.Linear(steps * features, horizon, bias=False) if skip else None
        self.double()
        names = [f"{part}_l{l}" for l in range(layers) for part in ("weight_ih", "weight_hh", "bias_ih")]
        self.trained = [getattr(self.lstm, name) for name in names] + list(self.head.parameters())
        if skip:
            self.trained += list(self.skip.parameters())
        with torch.no_grad():
            for l in range(layers):
                getattr(self.lstm, f"bias_hh_l{l}").zero_()
            flat = torch.from_numpy(formula(3, sum(p.numel() for p in self.trained))).double()
            offset = 0
            for p in self.trained:
                p.copy_(flat[offset:offset + p.numel()].view_as(p))
                offset += p.numel()

    def forward(self, x):
        y = self.head(self.lstm(x)[0][:, -1])
        return y if self.skip is None else y + self.skip(x.flatten(1))

    def flat(self, of):
        return torch.cat([of(p).flatten() for p in self.trained]).detach().numpy()


def windows_of(count, features, steps, horizon):
    """Window w starts at row 3 * w of the series."""
    points = 3 * count + steps + horizon
    series = torch.from_numpy(formula(1, points * features)).view(points, features)
    targets = torch.from_numpy(formula(2, points))
    x = torch.stack([series[3 * w:3 * w + steps] for w in range(count)])
    y = torch.stack([targets[3 * w + steps:3 * w + steps + horizon] for w in range(count)])
    return x.double(), y.double()


LOSSES = {"mse": torch.nn.MSELoss(), "huber": torch.nn.HuberLoss(delta=0.25), "absolute": torch.nn.L1Loss()}


def words(values):
    return " ".join(f"{float(v):.9g}" for v in values)


def network_case(out, features, hidden, layers, steps, horizon, skip, count, loss):
    net = Network(features, hidden, layers, steps, horizon, skip)
    x, y = windows_of(count, features, steps, horizon)
    outputs = net(x)
    value = LOSSES[loss](outputs, y)
    value.backward()
    gradient = net.flat(lambda p: p.grad)
    chosen = range(0, len(gradient), max(1, len(gradient) // 60))
    out.write(f"case {features} {hidden} {layers} {steps} {horizon} {int(skip)} {count} {loss}\n")
    out.write(f"outputs {words(outputs.flatten())}\nloss {words([value])}\n")
    out.write(f"gradient {words(gradient[list(chosen)])}\n")

    adam = torch.optim.Adam(net.trained, lr=1e-2)
    losses = []
    for step in range(8):
        adam.zero_grad()
        value = LOSSES[loss](net(x), y)
        losses.append(value)
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.trained, 0.05)
        adam.step()
    out.write(f"adam_losses {words(losses)}\n")
    out.write(f"adam_parameters {words(net.flat(lambda p: p)[list(chosen)])}\n")


def optimizer_case(out, kind, steps, count, rate):
    w = torch.nn.Parameter(torch.from_numpy(formula(4, count)))
    adam = torch.optim.Adam([w], lr=rate)
    v = numpy.zeros(count, numpy.float32)
    plain = w.detach().numpy().copy()
    f = numpy.float32
    for step in range(steps):
        g = formula(5 + step, count)
        if kind == "adam":
            w.grad = torch.from_numpy(g)
            adam.step()
        else:
            v = f(0.9) * v + f(1 - 0.9) * g * g
            plain -= f(rate) * g / numpy.sqrt(v + f(1e-7))
        out.write(f"{kind} {rate} {step + 1} {words(w.detach().numpy() if kind == 'adam' else plain)}\n")


def main():
    heading = f"# written by make_lstm_golden.py with torch {torch.__version__}\n"
    with open(HERE / "lstm_golden.txt", "w") as out:
        out.write(heading)
        network_case(out, 1, 10, 1, 2, 1, False, 8, "mse")
        network_case(out, 4, 64, 1, 32, 1, True, 4, "mse")
        network_case(out, 3, 17, 2, 7, 3, True, 9, "huber")
        network_case(out, 2, 5, 3, 4, 2, False, 7, "absolute")  # odd: signs must not cancel
    with open(HERE / "optimizer_golden.txt", "w") as out:
        out.write(heading)
        optimizer_case(out, "adam", 5, 11, 1e-3)
        optimizer_case(out, "adam", 5, 11, 0.1)
        optimizer_case(out, "rmsprop", 5, 11, 1e-3)


if __name__ == "__main__":
    sys.exit(main())
