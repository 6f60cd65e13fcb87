// A module that says what the test wants to hear, so that every answer of device choice is tested without a GPU.
// TIDEGAUGE_STAND_IN names the state: usable, no_driver, driver_too_old, no_device, broken, other_build, unfit.
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "kernels/core/backend.hpp"
#include "kernels/core/cuda_module.hpp"

namespace {

std::string_view wanted_state() {
  const char* state = std::getenv("TIDEGAUGE_STAND_IN");
  return state ? state : "usable";
}

template <std::size_t size>
void copy_text(char (&place)[size], std::string_view text) {
  const std::size_t length = std::min(text.size(), size - 1);
  std::copy_n(text.data(), length, place);
  place[length] = '\0';
}

}  // namespace

#define TG_EXPORT extern "C" __attribute__((visibility("default")))

TG_EXPORT void tidegauge_cuda_probe(tidegauge::CudaProbe* probe) {
  using tidegauge::CudaTrouble;
  const std::string_view state = wanted_state();
  probe->abi = tidegauge::cuda_module_abi + (state == "other_build");
  if (state == "other_build") return;
  probe->runtime_cuda = 13000;
  probe->driver_cuda = state == "no_driver" ? 0 : state == "driver_too_old" ? 11080 : 13010;
  probe->trouble = state == "no_driver"        ? CudaTrouble::no_driver
                   : state == "driver_too_old" ? CudaTrouble::driver_too_old
                   : state == "no_device"      ? CudaTrouble::no_device
                   : state == "broken"         ? CudaTrouble::other
                                               : CudaTrouble::none;
  if (probe->trouble != CudaTrouble::none) {
    copy_text(probe->reason, "out of luck");
    return;
  }
  probe->device_count = 2;
  for (int i = 0; i < 2; ++i) {
    copy_text(probe->devices[i].name, i == 0 ? "Stand-in" : "Stand-in MIG 1g.8gb");
    copy_text(probe->devices[i].pci_address, "ffff:ff:1f.7");
    probe->devices[i].memory_bytes = 8ull << 30;
    probe->devices[i].free_bytes = probe->detailed ? (i == 0 ? 6ull << 30 : 1ull << 20) : 0;
    probe->devices[i].major = 9;
  }
}

TG_EXPORT tidegauge::Backend* tidegauge_cuda_create(int device, char* reason, std::size_t reason_bytes) {
  if (wanted_state() == "unfit") {
    const std::string_view words = "it is unfit";
    reason[std::min(words.copy(reason, reason_bytes - 1), reason_bytes - 1)] = '\0';
    return nullptr;
  }
  return tidegauge::make_cpu_backend(static_cast<std::size_t>(device) + 1).release();
}
