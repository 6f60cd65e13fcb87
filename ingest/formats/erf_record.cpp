#include "ingest/formats/erf_record.hpp"

#include <algorithm>
#include <string_view>

namespace tidegauge::erf {
namespace {

struct Name {
  std::uint8_t type;
  std::string_view name;
};

constexpr std::array<Name, 26> kNames{{
    {1, "HDLC_POS"},
    {2, "ETH"},
    {3, "ATM"},
    {4, "AAL5"},
    {5, "MC_HDLC"},
    {6, "MC_RAW"},
    {7, "MC_ATM"},
    {8, "MC_RAW_CHANNEL"},
    {9, "MC_AAL5"},
    {10, "COLOR_HDLC_POS"},
    {11, "COLOR_ETH"},
    {12, "MC_AAL2"},
    {13, "IP_COUNTER"},
    {14, "TCP_FLOW_COUNTER"},
    {15, "DSM_COLOR_HDLC_POS"},
    {16, "DSM_COLOR_ETH"},
    {17, "COLOR_MC_HDLC_POS"},
    {18, "AAL2"},
    {19, "COLOR_HASH_POS"},
    {20, "COLOR_HASH_ETH"},
    {21, "INFINIBAND"},
    {24, "RAW_LINK"},
    {25, "INFINIBAND_LINK"},
    {27, "META"},
    {28, "OPA_SNC"},
    {29, "OPA_9B"},
}};

}  // namespace

std::string type_name(std::uint8_t type) {
  const auto* const found =
      std::find_if(kNames.begin(), kNames.end(), [&](const Name& n) { return n.type == type; });
  const std::string number = "ERF type " + std::to_string(type);
  return found == kNames.end() ? number : number + " " + std::string(found->name);
}

}  // namespace tidegauge::erf
