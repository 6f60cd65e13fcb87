// Which device runs the operations, and what it offers. CUDA-free: the CUDA half is a module loaded at run time, so one
// build runs with no GPU, no driver and no cuDNN.
// Thread safety: a Backend may be used by one thread at a time. Tested by tests/kernels/backend_test.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/binning/binning.hpp"
#include "kernels/core/status.hpp"
#include "kernels/lstm/lstm.hpp"
#include "kernels/lstm/lstm_many.hpp"
#include "kernels/slope/slope.hpp"
#include "kernels/slope/surge.hpp"

namespace tidegauge {

/// The operations of one device. Each call is a unit of work large enough to pay for a copy; host memory crosses here,
/// device memory stays behind the returned objects.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;  ///< such as "cpu (AVX-512, 2 threads)" or "cuda:0 (NVIDIA H200)"
  /// A counter of packet batches (binning.hpp).
  /// @param shape wanted; where memory is short the counter's batches are smaller
  /// @param sharing counters of this kind that take their memory from the device, this one and those still to come
  virtual Expected<std::unique_ptr<PacketBatchCounter>> batch_counter(const BatchShape& shape, std::uint32_t sharing) = 0;
  /// Slopes of every point of a series (slope.hpp).
  virtual Status slopes(std::span<double> out, const SlopeInput& input, const SlopeRule& rule) = 0;
  /// Surges of many series in one call (surge.hpp).
  virtual Status surges(Surges& out, const SurgeInput& input, const SurgeRule& rule) = 0;
  /// A network with parameters initialised from `seed` (lstm.hpp).
  virtual Expected<std::unique_ptr<LstmNetwork>> lstm(const LstmShape& shape, std::uint64_t seed,
                                                      const LstmOptions& options = {}) = 0;
  /// What LstmOptions::algorithm could be for such a network, for measuring which is fastest; none where there is only
  /// one way. The device may still refuse some.
  virtual std::vector<LstmAlgorithm> lstm_algorithms(const LstmShape&) const { return {}; }
  /// Many small networks that are trained side by side (lstm_many.hpp). What the tasks point at must stay.
  /// @param states one per task
  virtual Expected<std::unique_ptr<ManyNetworks>> many(std::vector<ManyState> states, std::span<const ManyTask> tasks,
                                                       const ManySettings& settings) = 0;
};

struct DeviceChoice {
  std::unique_ptr<Backend> backend;
  std::string why;  ///< one line for the user: what was chosen and why
};

/// @param request "auto", "cpu", "cuda" or "cuda:N". `cuda` where it cannot be is an error that says what is missing,
///   never a silent CPU run; `auto` takes the CPU and says why. With a card too: it is to take the GPU where that was
///   measured to pay, and nothing was measured on a card yet.
/// @param threads threads of the CPU backend, 0 for all cores.
Expected<DeviceChoice> choose_device(std::string_view request, std::size_t threads = 0);

struct DevicesChoice {
  std::vector<std::unique_ptr<Backend>> backends;  ///< none: the CPU
  std::string why;                                 ///< empty where nothing was asked for
};

/// Devices for work that is shared out over all of them: "cuda" is every GPU, "cuda:N" one. `auto` is the CPU, and no driver
/// is asked: counting is as fast as reading there, and asking takes longer than a small capture.
Expected<DevicesChoice> choose_devices(std::string_view request);

/// The CPU backend (binning, slope and LSTM on `threads` threads, 0 for all cores).
std::unique_ptr<Backend> make_cpu_backend(std::size_t threads = 0);

/// What `doctor` prints: each thing a GPU run needs, whether it is there, and how to get it.
struct DeviceFinding {
  std::string item, state, remedy;
  bool ok = false;
};
std::vector<DeviceFinding> inspect_devices();

}  // namespace tidegauge
