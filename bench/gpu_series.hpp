// The parts of gpu_bench that are about many series: a model each, and the surges of all of them.
#pragma once

#include "bench/gpu_figures.hpp"

namespace tidegauge::bench {

/// 1,000 models of H = 32: together, one after another by cuDNN's recorded steps, and on all cores.
Status bench_many(const Devices& devices, Figures& figures);

/// 1,000 series of 8,192 intervals: slopes, a learned threshold and ranges in one call.
Status bench_surges(const Devices& devices, Figures& figures);

}  // namespace tidegauge::bench
