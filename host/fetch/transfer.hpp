// Files over HTTP, some at a time, until each is whole, missing or given up. What a dropped connection, a signal or kill -9
// leaves is gone on from by range, if the server says that it is still the same file.
//
// Retried with growing waits: 429, 5xx, dropped connections, short bodies; as long as bytes come, for ever. 404 and 410 are
// a missing file. Redirects are followed a few times; credentials stay with the server (scheme, host, port) that the job
// names. Progress, stop and all work happen on the caller's thread. Cost: one copy of the bytes, one pass of MD5 where the
// list gives one. Tested by tests/tools/fetch_test.cpp.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "host/fetch/part_file.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

enum class TransferKind {
  file,  ///< to a path
  size,  ///< only how long it is (HEAD)
  text,  ///< a page, into memory
};

struct TransferJob {
  std::string url;                        ///< http or https, without credentials
  std::string path{};                     ///< of a file
  KnownFile known{};
  TransferKind kind = TransferKind::file;
};

enum class TransferOutcome {
  fetched,
  there,    ///< it was already there; nothing was asked
  missing,  ///< the server has none
  failed,   ///< see error
  stopped,  ///< by stop(), or because the server refuses our credentials
};

struct TransferResult {
  TransferOutcome outcome = TransferOutcome::stopped;
  std::optional<std::uint64_t> bytes{};  ///< of the whole file, where known
  std::uint64_t received = 0;            ///< bytes of bodies that came in this run and were kept or read
  int retries = 0;
  std::string text{};                    ///< of a page
  std::optional<Error> error{};
};

struct TransferProgress {
  std::size_t jobs_done = 0;
  std::uint64_t received = 0;  ///< in this run
  std::string current;         ///< name of one of those in work
};

struct TransferOptions {
  int parallel = 2;
  std::uint64_t bytes_per_second = 0;           ///< of all together; 0 for no limit
  int tries = 5;                                ///< in a row without a new byte
  std::chrono::milliseconds first_wait{1000};   ///< before the first retry; doubles
  std::chrono::seconds stall{60};               ///< without a byte for so long, a connection counts as dropped
  std::string netrc{};                          ///< a file; empty for ~/.netrc
  std::string user{}, password{};               ///< instead of a netrc file's
  std::function<bool()> stop{};
  std::function<void(const TransferProgress&)> progress{};
  std::function<void(const TransferJob&, const TransferResult&)> done{};  ///< at each job's end
};

/// One result a job, in their order.
std::vector<TransferResult> transfer(const std::vector<TransferJob>& jobs, const TransferOptions& options);

}  // namespace tidegauge
