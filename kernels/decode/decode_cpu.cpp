#include "kernels/decode/decode.hpp"
#include "kernels/decode/decode_any_rule.hpp"

namespace tidegauge {

HeaderFacts decode_any(const PacketView& packet) { return decoding::decode_any(packet); }

}  // namespace tidegauge
