// libFuzzer entry point for gzip streams around captures.
#include "tests/fuzz/fuzz_walk.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tidegauge::fuzz::check_gzip(data, size);
  return 0;
}
