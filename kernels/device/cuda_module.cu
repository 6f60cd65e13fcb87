// The CUDA module's two entry points (kernels/core/cuda_module.hpp) and the backend behind them.
#include "kernels/core/cuda_module.hpp"

#include <cuda_runtime.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "kernels/binning/binning_cuda.hpp"
#include "kernels/core/backend.hpp"
#include "kernels/device/cuda_owners.hpp"
#include "kernels/lstm/lstm_cuda.hpp"
#include "kernels/lstm/lstm_cudnn_rule.hpp"
#include "kernels/lstm/lstm_many_cuda.hpp"
#include "kernels/slope/slope_cuda.hpp"
#include "kernels/slope/surge_cuda.hpp"

namespace tidegauge {

namespace {

class CudaBackend final : public Backend {
 public:
  CudaBackend(int device, const char* device_name)
      : device_(device), name_("cuda:" + std::to_string(device) + " (" + device_name + ")") {}

  std::string_view name() const override { return name_; }
  Expected<std::unique_ptr<PacketBatchCounter>> batch_counter(const BatchShape& shape, std::uint32_t sharing) override {
    return make_batch_counter_cuda(shape, sharing, device_);
  }
  Status slopes(std::span<double> out, const SlopeInput& input, const SlopeRule& rule) override {
    return slopes_cuda(out, input, rule, device_);
  }
  Status surges(Surges& out, const SurgeInput& input, const SurgeRule& rule) override {
    return surges_cuda(out, input, rule, device_);
  }
  Expected<std::unique_ptr<LstmNetwork>> lstm(const LstmShape& shape, std::uint64_t seed,
                                              const LstmOptions& options) override {
    return make_lstm_cuda(shape, seed, device_, options);
  }
  std::vector<LstmAlgorithm> lstm_algorithms(const LstmShape& shape) const override {
    return lstm::algorithms_to_try(shape);
  }
  Expected<std::unique_ptr<ManyNetworks>> many(std::vector<ManyState> states, std::span<const ManyTask> tasks,
                                               const ManySettings& settings) override {
    return make_many_cuda(std::move(states), tasks, settings, device_);
  }

 private:
  int device_;
  std::string name_;
};

/// The runtime gives one error for "no driver" and "driver too old"; the driver's version tells them apart.
CudaTrouble trouble_of(cudaError_t code, int driver_cuda) {
  switch (code) {
    case cudaSuccess:
      return CudaTrouble::none;
    case cudaErrorNoDevice:
      return CudaTrouble::no_device;
    case cudaErrorInsufficientDriver:
      return driver_cuda == 0 ? CudaTrouble::no_driver : CudaTrouble::driver_too_old;
    default:
      return CudaTrouble::other;
  }
}

/// Copies what fits and ends it.
void copy_text(char* place, std::size_t bytes, std::string_view text) {
  if (bytes == 0) return;
  const std::size_t length = std::min(text.size(), bytes - 1);
  std::copy_n(text.data(), length, place);
  place[length] = '\0';
}

cudaError_t describe(CudaDeviceFacts& facts, int device) {
  cudaDeviceProp properties;
  const cudaError_t code = cudaGetDeviceProperties(&properties, device);
  if (code != cudaSuccess) return code;
  copy_text(facts.name, sizeof facts.name, properties.name);
  if (cudaDeviceGetPCIBusId(facts.pci_address, static_cast<int>(sizeof facts.pci_address), device) != cudaSuccess)
    copy_text(facts.pci_address, sizeof facts.pci_address, "");
  facts.memory_bytes = properties.totalGlobalMem;
  facts.major = properties.major;
  facts.minor = properties.minor;
  return cudaSuccess;
}

/// Leaves 0 where no context can be made: then there is none for anybody.
void ask_free_memory(CudaDeviceFacts& facts, int device) {
  std::size_t free_bytes = 0, total_bytes = 0;
  if (cudaSetDevice(device) == cudaSuccess && cudaMemGetInfo(&free_bytes, &total_bytes) == cudaSuccess)
    facts.free_bytes = free_bytes;
  cudaGetLastError();
}

cudaError_t probe_devices(CudaProbe& probe) {
  int count = 0;
  const cudaError_t code = cudaGetDeviceCount(&count);
  if (code != cudaSuccess) return code;
  if (count == 0) return cudaErrorNoDevice;
  probe.device_count = count;
  for (int i = 0; i < std::min(count, static_cast<int>(std::size(probe.devices))); ++i) {
    if (const cudaError_t failed = describe(probe.devices[i], i); failed != cudaSuccess) return failed;
    if (probe.detailed) ask_free_memory(probe.devices[i], i);
  }
  return cudaSuccess;
}

/// The card's name, once it has proved able to run the module's kernels.
Expected<std::string> take_device(int device) {
  TG_TRY(use_device(device));
  CudaDeviceFacts facts{};
  TG_TRY(cuda_status(describe(facts, device), "asking for the device's properties"));
  if (const Status fits = slope_kernel_fits(device); !fits) {
    const std::string capability = std::to_string(facts.major) + std::to_string(facts.minor);
    return Error{fits.error().what + "; was the module built for compute capability " + capability +
                     " (-DCMAKE_CUDA_ARCHITECTURES=" + capability + "-real)?",
                 "", ""};
  }
  return std::string(facts.name);
}

}  // namespace

}  // namespace tidegauge

#define TG_EXPORT extern "C" __attribute__((visibility("default")))

TG_EXPORT void tidegauge_cuda_probe(tidegauge::CudaProbe* probe) {
  using namespace tidegauge;
  const bool same_interface = probe->abi == cuda_module_abi;
  probe->abi = cuda_module_abi;
  if (!same_interface) return;
  cudaDriverGetVersion(&probe->driver_cuda);
  cudaRuntimeGetVersion(&probe->runtime_cuda);
  const cudaError_t code = probe_devices(*probe);
  probe->trouble = trouble_of(code, probe->driver_cuda);
  copy_text(probe->reason, sizeof probe->reason, code == cudaSuccess ? "" : cudaGetErrorString(code));
}

TG_EXPORT tidegauge::Backend* tidegauge_cuda_create(int device, char* reason, std::size_t reason_bytes) {
  using namespace tidegauge;
  const auto name = take_device(device);
  if (name) return new CudaBackend(device, name->c_str());
  copy_text(reason, reason_bytes, name.error().what);
  return nullptr;
}
