// LINKTYPE_ numbers as files hold them: which are decoded, and what the others are called.
// Tested by tests/ingest/capture_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kernels/data/link_type.hpp"

namespace tidegauge {

/// The link type if it is one that is decoded.
std::optional<LinkType> decoded_link(std::uint32_t number);

/// "link type 113 LINUX_SLL", or "link type 999" where the number has no common name
/// (tcpdump.org/linktypes.html).
std::string link_name(std::uint32_t number);

/// What to try on a file that has nothing but undecoded link types: says what is decoded.
std::string undecoded_link_remedy();

}  // namespace tidegauge
