// The job behind `bin`: puts captures (or imported tables) into a series file, each in one transaction, and accounts for
// every record. A file that fails is reported and the others still go in.
// Captures are counted on several threads, the largest first; a thread without a capture of its own helps with another's.
// Rows wait in memory (64 Ki intervals a capture) and are written one capture at a time. Cost: one pass per capture; some
// 200 us and, in the report, 1 KB for each however small.
// A capture that is in stays in if the process is killed; if the power fails those of the last second may have to be counted
// again, by the same command. None that is reported is lost. The same holds for a GPU that is lost: what is in stays in, and
// the job goes on without it.
// Tested by tests/host/bin_traces_test.cpp, hostile_traces_test.cpp, many_traces_test.cpp and partition_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/csv_import.hpp"
#include "host/store.hpp"
#include "ingest/formats/walk_options.hpp"
#include "ingest/sinks/keyed_options.hpp"
#include "kernels/core/backend.hpp"
#include "kernels/core/status.hpp"

namespace tidegauge {

struct BinProgress {
  std::size_t files_done = 0, files = 0;
  std::uint64_t bytes_done = 0, bytes = 0;  ///< of the input files, as they lie on the disk
  std::string current;                      ///< the file that was worked on last
};

struct BinOptions {
  std::string series{};                 ///< the series file, made where it is absent
  std::int64_t interval_ns = 0;         ///< 0: the file's own, 1 s for a new file
  std::string point = "default";
  bool strict = false;                  ///< damage is an error, and ends the job
  std::size_t threads = 0;              ///< at work at once; 0 for one per core
  std::int64_t wait_ms = 10'000;        ///< for another writer
  std::uint64_t index_step_bytes = index_step_default_bytes;  ///< between places of the time index
  std::optional<CsvOptions> csv{};      ///< the inputs are tables
  bool times = true;                    ///< a capture with a .times file beside it takes its nanoseconds from there (CAIDA)
  std::string stats_field = "IPv4 bytes";  ///< what is taken of CAIDA's .pcap.stats files
  KeyedOptions keyed{};                 ///< what captures are counted by beyond the default counters, checked
  std::optional<std::int64_t> follow_ms{};  ///< captures still grow; whole once nothing has come for so long
  /// Captures are counted on these, files and their pieces shared out; none: on the CPU. Prefixes and MACs need a list then.
  std::vector<std::shared_ptr<Backend>> devices{};
  std::function<void(const BinProgress&)> progress{};  ///< never called by two threads at once
  std::function<bool()> stop{};         ///< asked often; true gives up the captures in work and starts no other
};

enum class BinOutcome { added, already_in, failed, left_out };

struct BinnedFile {
  std::string path;
  BinOutcome outcome = BinOutcome::left_out;  ///< left_out: the job ended before its turn, or in its middle
  TraceRecord trace;                          ///< of added files
  std::optional<Error> error;                 ///< of failed ones
  std::string remark;                         ///< words about what is odd in it: gaps of an import, a long silence, a twin
  StageSeconds seconds{};                     ///< of added captures
  double store_seconds = 0;
};

struct BinReport {
  std::int64_t interval_ns = 0;
  std::vector<BinnedFile> files;  ///< in the order given
  bool stopped = false;
  /// Why a device was given up in the middle. What was in work, and the rest, was counted on the CPU.
  std::optional<Error> device_failure;
  /// Why some threads had no counter on a device and counted on the CPU.
  std::optional<Error> device_shortage;
  std::size_t count(BinOutcome outcome) const;
  double wall_seconds = 0;
  RecordAccount total() const;    ///< of the files added
};

/// An error only where the job cannot run at all (the series file); what happens to a file is in the report. A series file
/// that the job made is not left behind without a trace in it.
Expected<BinReport> bin_traces(const std::vector<std::string>& paths, const BinOptions& options);

}  // namespace tidegauge
