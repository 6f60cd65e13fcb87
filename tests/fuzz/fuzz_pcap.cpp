// libFuzzer entry point for pcap files.
#include <cstring>
#include <vector>

#include "tests/fuzz/fuzz_walk.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> capture{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0};  // so that nearly every input is one
  if (size == 0) return 0;
  const std::uint32_t magics[] = {0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34, 0xd4c3b2a1,
                                  0x4d3cb2a1, 0x1c0001ac, 0xab01001c, 0x34cdb2a1};
  std::memcpy(capture.data(), &magics[data[0] % 8], 4);
  capture.insert(capture.end(), data + 1, data + size);
  tidegauge::fuzz::check_capture(capture.data(), capture.size());
  return 0;
}
