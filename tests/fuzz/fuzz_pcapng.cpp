// libFuzzer entry point for pcapng files.
#include <cstring>
#include <vector>

#include "tests/fuzz/fuzz_walk.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> capture{0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0,    0,    0x4d, 0x3c,
                                    0x2b, 0x1a, 1,    0,    0,  0, 0xff, 0xff, 0xff, 0xff,
                                    0xff, 0xff, 0xff, 0xff, 28, 0, 0,    0};  // a section to begin with
  capture.insert(capture.end(), data, data + size);
  tidegauge::fuzz::check_capture(capture.data(), capture.size());
  tidegauge::fuzz::check_capture(data, size);
  return 0;
}
