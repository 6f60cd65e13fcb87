#include "kernels/decode/decode.hpp"
#include "kernels/decode/decode_any_rule.hpp"

namespace tidegauge {

HeaderFacts decode_any(const std::uint8_t* bytes, std::uint32_t captured_bytes, std::uint32_t wire_bytes,
                       LinkType link) {
  return decoding::decode_any(
      {.ts_ns = 0, .wire_bytes = wire_bytes, .captured_bytes = captured_bytes, .bytes = bytes, .link = link});
}

LocatedFacts decode_located_any(const std::uint8_t* bytes, std::uint32_t captured_bytes,
                                std::uint32_t wire_bytes, LinkType link, DecodeOptions options) {
  return decoding::decode_located_any(
      {.ts_ns = 0, .wire_bytes = wire_bytes, .captured_bytes = captured_bytes, .bytes = bytes, .link = link},
      options);
}

}  // namespace tidegauge
