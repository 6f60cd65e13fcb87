// What `bin` says of its report: the account of each file, the stages and the limit, the exit status.
// Tested by tests/tools/bin_export_test.cpp.
#pragma once

#include <string>

#include "host/bin_traces.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

void print_bin_words(const std::string& series, const BinReport& report);
/// A file at a time: one document of 100,000 files would hold more memory than all else.
void print_bin_json(const std::string& series, const BinReport& report);

void tell_bin_remarks(const BinReport& report);
/// Where the time went, if somebody looks on.
void tell_bin_stages(const BinReport& report);

/// The job's status: the only file's own error, or how many failed after each was named.
Status bin_verdict(const BinReport& report);

}  // namespace tidegauge
