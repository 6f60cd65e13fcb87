// A list of files' sizes and MD5s: a table (CSV, compressed or not) with the columns url, bytes_gz and md5_gz.
// Tested by tests/host/fetch_checksum_list_test.cpp.
#pragma once

#include <string>
#include <unordered_map>

#include "host/fetch/part_file.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

/// What the list says of each file, by the last part of its URL: a mirror has the same files.
using ChecksumList = std::unordered_map<std::string, KnownFile>;

/// An error where the columns are not there, or a line is none of this table.
Expected<ChecksumList> read_checksums(const std::string& path);

}  // namespace tidegauge
