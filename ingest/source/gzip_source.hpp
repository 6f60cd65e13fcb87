// A gzip stream (RFC 1952, any number of members) inflated by ISA-L, checksums verified.
//
// What can be inflated before a fault is delivered; the fault is then told by damage(). After a wrong
// checksum the next member, if one follows, is read on. What follows the last member and is not a member is
// ignored, as gzip does. Cost: ISA-L's inflate straight into the caller's block, no copy. Tested by
// tests/ingest/byte_source_test.cpp.
#pragma once

#include <memory>
#include <string>

#include "ingest/source/byte_source.hpp"

namespace tidegauge {

/// `compressed` begins with a gzip member.
std::unique_ptr<ByteSource> make_gzip_source(std::unique_ptr<ByteSource> compressed);

}  // namespace tidegauge
