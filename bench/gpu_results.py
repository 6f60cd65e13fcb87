#!/usr/bin/env python3
"""Makes one JSON file and one Markdown table of what tools/gpu_check measured.

    python3 bench/gpu_results.py --measured DIR --card NAME --commit ID --output STEM [--failed WORDS]

DIR holds lines of JSON (gpu_bench.json, torch.json, end_to_end.json), and ncu.csv where the profiler ran; what is absent is
left out and said."""

import argparse
import collections
import csv
import datetime
import json
import pathlib


def lines_of(path):
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def kernels_of(path):
    """Metric values per kernel, of the launch that took longest."""
    if not path.exists():
        return {}
    rows = [line for line in path.read_text().splitlines() if line.startswith('"')]
    launches = collections.defaultdict(dict)
    for row in csv.DictReader(rows):
        launches[(row["ID"], row["Kernel Name"].split("(")[0])][f'{row["Metric Name"]} ({row["Metric Unit"]})'] = float(
            row["Metric Value"].replace(",", ""))
    longest = {}
    for (_, kernel), metrics in launches.items():
        duration = next((value for name, value in metrics.items() if name.startswith("gpu__time_duration")), 0)
        if kernel not in longest or duration > longest[kernel][0]:
            longest[kernel] = (duration, metrics)
    return {kernel: metrics for kernel, (_, metrics) in sorted(longest.items())}


def with_peers(figures, torch):
    """Our training and inference rates beside PyTorch's of the same case."""
    peers = {(f["what"], f["case"]): f["value"] for f in torch}
    training = ("torch train", "torch graph train")
    named = {"train": training, "train tile": training, "predict": ("torch predict",)}
    for figure in figures:
        figure = dict(figure)
        for peer in named.get(figure["what"], ()):
            if (peer, figure["case"]) in peers:
                figure[peer] = peers[(peer, figure["case"])]
        yield figure


def ratio(figure, base):
    return f'{figure["value"] / figure[base]:.2f}' if figure.get(base) else ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("measured", "card", "commit", "output"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--failed", default="")
    options = parser.parse_args()

    folder = pathlib.Path(options.measured)
    torch = lines_of(folder / "torch.json")
    ours = list(with_peers(lines_of(folder / "gpu_bench.json"), torch)) + lines_of(folder / "end_to_end.json")
    errors = [f for f in torch if "error" in f["what"]]
    version = [f for f in torch if f["what"] == "torch version"]
    kernels = kernels_of(folder / "ncu.csv")
    result = {"date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(), "card": options.card,
              "commit": options.commit, "failed": options.failed.strip(), "figures": ours, "errors": errors, "kernels": kernels,
              "torch": f'{version[0]["case"]}, cuDNN {version[0]["value"]}' if version else "not there"}
    pathlib.Path(f"{options.output}.json").write_text(json.dumps(result, indent=1) + "\n")

    text = [f"# {options.card}, {result['date']}, commit {options.commit}", "",
            f"Failed: {result['failed'] or 'nothing'}. PyTorch: {result['torch']}. Made by tools/gpu_check.", "",
            "| what | case | value | unit | of limit | of CPU | of PyTorch | of its graph |", "|---|---|---|---|---|---|---|---|"]
    for f in ours:
        eager = "torch train" if f["what"].startswith("train") else "torch predict"
        text.append(f'| {f["what"]} | {f["case"]} | {f["value"]:.4g} | {f["unit"]} | {ratio(f, "limit")} | {ratio(f, "cpu")} '
                    f'| {ratio(f, eager)} | {ratio(f, "torch graph train")} |')
    if errors:
        text += ["", "Errors against double precision, ‖x − double‖ / ‖double‖:", "", "| what | case | value |", "|---|---|---|"]
        text += [f'| {f["what"]} | {f["case"]} | {f["value"]:.3g} |' for f in errors]
    for kernel, metrics in kernels.items():
        text += ["", f"`{kernel}`: " + ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())]
    pathlib.Path(f"{options.output}.md").write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
