// The order of an epoch, for the CPU and the GPU alike: Fisher and Yates over draws that depend on seed and
// epoch only. Tested by tests/kernels/windowing_test.cpp, on a kernel's side by lstm_many_kernel_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/core/host_device.hpp"
#include "kernels/core/random.hpp"

namespace tidegauge {

TG_HD inline void shuffle_in_place(std::uint32_t* starts, std::size_t count, std::uint64_t seed,
                                   std::uint64_t epoch) {
  constexpr std::uint64_t shuffle_stream = 0x73687566;  // apart from initialisation and dropout
  RandomStream random(seed, mix64(shuffle_stream) ^ epoch);
  for (std::size_t i = count; i > 1; --i) {
    const std::size_t other = random.below(i);
    const std::uint32_t start = starts[i - 1];
    starts[i - 1] = starts[other];
    starts[other] = start;
  }
}

}  // namespace tidegauge
